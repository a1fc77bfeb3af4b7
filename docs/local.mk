EXTRA_DIST += %D%/HOWTO-accepting-changes %D%/HOWTO-client-server %D%/HOWTO-troubleshooting %D%/architecture.md %D%/baseline-format.md %D%/differences %D%/log-format.md %D%/messages.md %D%/performance.md \
	%D%/protocol.md %D%/security.md %D%/spool-format.md
