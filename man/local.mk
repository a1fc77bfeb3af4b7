if BUILD_CLIENT
dist_man_MANS += %D%/samhain.8 %D%/samhain_setpwd.8 %D%/samhainrc.5
endif
if BUILD_SERVER
dist_man_MANS += %D%/yulerc.5 %D%/yule.8 %D%/yulectl.8
endif
