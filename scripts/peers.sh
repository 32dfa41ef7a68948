# shellcheck shell=bash
# Sourced after venv.sh: nginx and uWSGI, which the tests run gowsgi behind and beside.

# ensure_peers exports GOWSGI_NGINX and GOWSGI_UWSGI, the paths of both programs, as far as they
# can be had. Tests skip what needs one that is missing; with GOWSGI_NEED_PEERS=1, which is set
# where Debian's packages are, they fail.
ensure_peers() {
	ensure_nginx
	ensure_uwsgi
	[ ! -e /etc/debian_version ] || export GOWSGI_NEED_PEERS="${GOWSGI_NEED_PEERS-1}"
}

# find_nginx prints nginx's path. Debian has it where only root's PATH leads.
find_nginx() {
	PATH=$PATH:/usr/sbin command -v nginx
}

ensure_nginx() {
	find_nginx >/dev/null || ! can_apt || without_services apt_install nginx-light || true
	if GOWSGI_NGINX=$(find_nginx); then
		export GOWSGI_NGINX
	else
		echo "no nginx, so nothing is tested behind it; $(install_command nginx-light nginx)" >&2
	fi
}

# without_services runs a command that installs packages, and keeps their services from being
# started: nginx would take port 80.
without_services() {
	local policy=/usr/sbin/policy-rc.d outcome=0
	if [ -e "$policy" ]; then
		"$@"
		return
	fi
	printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
	as_root chmod +x "$policy"
	("$@") || outcome=$?
	as_root rm -f "$policy"
	return $outcome
}

# ensure_uwsgi builds uWSGI for the chosen Python. The linker's path is for a Python whose library
# does not lie where the system looks.
ensure_uwsgi() {
	local venv=$ROOT/build/uwsgi-venv libdir
	libdir=$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_config_var("LIBDIR") or "")')
	if (LD_RUN_PATH=$libdir ensure_venv "$venv" "$ROOT/requirements-peers.txt"); then
		export GOWSGI_UWSGI=$venv/bin/uwsgi
	else
		echo "no uWSGI, so gowsgi is not compared with it" >&2
	fi
}
