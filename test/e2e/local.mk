# Run by test/run.sh; needs python3-pytest.
EXTRA_DIST += \
	%D%/conftest.py \
	%D%/test_agent.py \
	%D%/test_certificates.py \
	%D%/test_check_config.py \
	%D%/test_chroot.py \
	%D%/test_commands.py \
	%D%/test_connection_check.py \
	%D%/test_delivery.py \
	%D%/test_guide_a_logs.py \
	%D%/test_guide_b_connect.py \
	%D%/test_guide_c_auth.py \
	%D%/test_guide_d_names.py \
	%D%/test_guide_e_client.py \
	%D%/test_guide_e_delta.py \
	%D%/test_guide_e_downloads.py \
	%D%/test_guide_e_upload.py \
	%D%/test_guide_f_sessions.py \
	%D%/test_guide_f_states.py \
	%D%/test_guide_g_promises.py \
	%D%/test_guide_h_commands.py \
	%D%/test_guide_h_others.py \
	%D%/test_hostile_files.py \
	%D%/test_install.py \
	%D%/test_limits.py \
	%D%/test_listing.py \
	%D%/test_main_job.py \
	%D%/test_protocol.py \
	%D%/test_relay.py \
	%D%/test_resume.py \
	%D%/test_roles.py \
	%D%/test_rotation.py \
	%D%/test_rules.py \
	%D%/test_sample_lines.py \
	%D%/test_schedules.py \
	%D%/test_separate_logs.py \
	%D%/test_server.py \
	%D%/test_side_rules.py \
	%D%/test_signals.py \
	%D%/test_status.py \
	%D%/test_status_page.py \
	%D%/test_syslog_reception.py \
	%D%/test_tools.py \
	%D%/test_two_servers.py \
	%D%/test_update.py \
	%D%/test_visitors.py

EXTRA_DIST += \
	%D%/harness/__init__.py \
	%D%/harness/clock.py \
	%D%/harness/daemons.py \
	%D%/harness/fuse.py \
	%D%/harness/guide.py \
	%D%/harness/impostor.py \
	%D%/harness/inject.py \
	%D%/harness/lines.py \
	%D%/harness/names.py \
	%D%/harness/network.py \
	%D%/harness/processes.py \
	%D%/harness/protocol3.py \
	%D%/harness/spool.py \
	%D%/harness/tls.py \
	%D%/harness/waiting.py \
	%D%/harness/world.py
