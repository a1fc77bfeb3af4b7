# Sample configurations, init scripts and units; installing them leaves a pair that works.
EXTRA_DIST += %D%/samhainrc %D%/yulerc %D%/yule.logrotate %D%/samhain.init.in \
	%D%/samhain.service.in %D%/yule.service.in %D%/head.html %D%/entry.html %D%/foot.html

fill_in = $(SED) -e 's|@SBINDIR[@]|$(sbindir)|g' -e 's|@CLIENT_STATE[@]|$(client_state)|g' \
	-e 's|@SERVER_STATE[@]|$(server_state)|g' \
	-e "s|@SERVER_LOG_DIR[@]|$$(dirname '$(server_log)')|g"

systemdsystemunit_DATA =
noinst_SCRIPTS =
if BUILD_CLIENT
systemdsystemunit_DATA += %D%/samhain.service
noinst_SCRIPTS += %D%/samhain.init
endif
if BUILD_SERVER
systemdsystemunit_DATA += %D%/yule.service
noinst_SCRIPTS += %D%/yule.init
dist_sbin_SCRIPTS = %D%/chroot.sh
endif
CLEANFILES = %D%/samhain.service %D%/yule.service %D%/samhain.init %D%/yule.init

%D%/samhain.service: %D%/samhain.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) %D% && $(fill_in) $(srcdir)/%D%/samhain.service.in >$@
%D%/yule.service: %D%/yule.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) %D% && $(fill_in) $(srcdir)/%D%/yule.service.in >$@
%D%/samhain.init: %D%/samhain.init.in Makefile
	$(AM_V_GEN)$(MKDIR_P) %D% && $(fill_in) -e 's|@NAME[@]|samhain|g' \
	  -e 's|@WHAT[@]|host integrity monitor|' $(srcdir)/%D%/samhain.init.in >$@ && chmod +x $@
%D%/yule.init: %D%/samhain.init.in Makefile
	$(AM_V_GEN)$(MKDIR_P) %D% && $(fill_in) -e 's|@NAME[@]|yule|g' \
	  -e 's|@WHAT[@]|log server of the host integrity monitor samhain|' \
	  $(srcdir)/%D%/samhain.init.in >$@ && chmod +x $@

# The first of the server's users that exists here; only root can give files away, and only in place.
give_to_server = if test -z "$(DESTDIR)" && test "$$(id -u)" = 0; then \
	for user in $(enable_identity) yule daemon nobody; do \
	  if id -u "$$user" >/dev/null 2>&1; then break; fi; done; \
	  group=$$(id -g "$$user"); fi

install-data-local:
if BUILD_CLIENT
	$(MKDIR_P) "$(DESTDIR)$(client_state)" "$(DESTDIR)$$(dirname '$(client_config_here)')" \
	  "$(DESTDIR)$$(dirname '$(client_log)')"
	chmod 700 "$(DESTDIR)$(client_state)"
	test -z "$(client_config_here)" || test -f "$(DESTDIR)$(client_config_here)" || \
	  $(INSTALL) -m 600 $(srcdir)/%D%/samhainrc "$(DESTDIR)$(client_config_here)"
endif
if BUILD_SERVER
	$(MKDIR_P) "$(DESTDIR)$(server_state)/pending" "$(DESTDIR)$$(dirname '$(server_config)')" \
	  "$(DESTDIR)$$(dirname '$(server_log)')"
	chmod 755 "$(DESTDIR)$(server_state)"
	chmod 700 "$(DESTDIR)$(server_state)/pending"
	test -f "$(DESTDIR)$(server_config)" || \
	  $(INSTALL) -m 640 $(srcdir)/%D%/yulerc "$(DESTDIR)$(server_config)"
	$(give_to_server); test -z "$$group" || { \
	  chown "$$user" "$$(dirname '$(server_log)')" '$(server_state)/pending' && chgrp "$$group" '$(server_config)' && \
	  echo "the log directory and the right to read $(server_config) go to the user $$user"; }
endif

# The server must be executable by its own user: it starts its parts anew after it gave up root.
# The client holds a password: it is nobody else's to read.
install-exec-hook:
if BUILD_CLIENT
	chmod 700 "$(DESTDIR)$(sbindir)/samhain" "$(DESTDIR)$(sbindir)/samhain_setpwd"
endif
if BUILD_SERVER
	chmod 755 "$(DESTDIR)$(sbindir)/yule" "$(DESTDIR)$(sbindir)/yulectl"
endif

# A user of its own for the server, with what it must be able to write.
install-user:
	getent passwd yule >/dev/null || \
	  useradd --system --no-create-home --home-dir '$(server_state)' --shell /usr/sbin/nologin yule
	chown yule "$(DESTDIR)$$(dirname '$(server_log)')" "$(DESTDIR)$(server_state)/pending"
	chgrp "$$(id -g yule)" "$(DESTDIR)$(server_config)"
	chmod 640 "$(DESTDIR)$(server_config)"

install-boot: $(noinst_SCRIPTS)
	$(MKDIR_P) "$(DESTDIR)$(sysconfdir)/init.d"
	for script in $(noinst_SCRIPTS); do \
	  $(INSTALL) -m 755 "$$script" "$(DESTDIR)$(sysconfdir)/init.d/$$(basename "$$script" .init)"; \
	done

.PHONY: install-user install-boot

# Logs, baselines and a configuration that was edited stay.
uninstall-local:
if BUILD_CLIENT
	cmp -s $(srcdir)/%D%/samhainrc "$(DESTDIR)$(client_config_here)" && rm -f "$(DESTDIR)$(client_config_here)" || :
	rmdir "$(DESTDIR)$(client_state)" 2>/dev/null || :
endif
if BUILD_SERVER
	cmp -s $(srcdir)/%D%/yulerc "$(DESTDIR)$(server_config)" && rm -f "$(DESTDIR)$(server_config)" || :
	rmdir "$(DESTDIR)$(server_state)/pending" "$(DESTDIR)$(server_state)" "$(DESTDIR)$$(dirname '$(server_log)')" 2>/dev/null || :
endif
