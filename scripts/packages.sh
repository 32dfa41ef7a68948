# shellcheck shell=bash
# Sourced by lib.sh: what the system must have, and how to get it. With apt and
# the right to use it, it is installed; else one line names the command.

# can_apt tells whether apt can install here: as root, or by a sudo that asks
# for no password, or that can ask for it.
can_apt() {
	have apt-get || return 1
	[ "$(id -u)" = 0 ] || { have sudo && { sudo -n true 2>/dev/null || [ -t 0 ]; }; }
}

# as_root runs a command as root.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# install_command prints the command that installs Debian's package(s) $1,
# Homebrew's $2.
install_command() {
	if [ "$(uname)" = Darwin ]; then
		case $2 in
		cc) echo "run: xcode-select --install" ;;
		*) echo "run: brew install $2" ;;
		esac
	elif have apt-get; then
		echo "run: sudo apt-get install $1"
	else
		echo "install what Debian calls: $1"
	fi
}

# apt_install installs Debian's packages. Its chatter goes to a file that is
# shown when it fails.
apt_install() {
	local log=$ROOT/build/apt.log
	mkdir -p "$ROOT/build"
	echo "installing $* ..." >&2
	as_root apt-get -qq update </dev/null >"$log" 2>&1 || true # old lists may do
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -qq install -y --no-install-recommends "$@" </dev/null >>"$log" 2>&1 || {
		tail -n 20 "$log" >&2
		die "apt could not install what is missing; run: sudo apt-get install $*"
	}
	hash -r
}

# python_packages prints Debian's packages that the chosen Python lacks. Only
# Debian's own interpreters are apt's business.
python_packages() {
	local python=${PYTHON:-}
	[ -n "$python" ] || python=${VIRTUAL_ENV:+$VIRTUAL_ENV/bin/python}
	python=${python:-python3}
	if ! have "$python"; then
		[ "$python" != python3 ] || echo python3 python3-dev python3-venv
		return
	fi
	"$python" - <<-'END'
		import os, sys, sysconfig
		name = "python%d.%d" % sys.version_info[:2]
		if sys.base_prefix == "/usr":
		    if not os.path.exists(os.path.join(sysconfig.get_config_var("INCLUDEPY"), "Python.h")):
		        print(name + "-dev")
		    try:
		        import ensurepip, venv
		    except ImportError:
		        print(name + "-venv")
	END
}

# missing_packages prints Debian's packages for all that a build needs and the
# machine lacks.
missing_packages() {
	# Go calls gcc by that name on Linux; a gcc may be there without libc's headers.
	if [ "$(uname)" = Linux ]; then
		{ have "${CC:-gcc}" && [ -e /usr/include/stdio.h ]; } || echo gcc libc6-dev
	else
		have cc || echo gcc
	fi
	have pkg-config || echo pkg-config
	have git || echo git
	have go || [ -x /usr/local/go/bin/go ] || echo golang-go
	[ ! -d /etc/apt ] || [ -e /etc/ssl/certs/ca-certificates.crt ] || echo ca-certificates
	python_packages
}

# brew_names prints Homebrew's names for the packages that missing_packages
# printed.
brew_names() {
	local name
	for name in "$@"; do
		case $name in
		gcc | libc6-dev) echo cc ;;
		golang-go) echo go ;;
		python3*) echo python3 ;;
		*) echo "$name" ;;
		esac
	done | sort -u | tr '\n' ' '
}

# ensure_packages installs what the system lacks for a build, or ends with the
# command that would.
ensure_packages() {
	local missing
	missing=$(missing_packages | tr '\n' ' ')
	missing=${missing% }
	[ -n "$missing" ] || return 0
	if can_apt; then
		# shellcheck disable=SC2086
		apt_install $missing
	else
		# shellcheck disable=SC2086
		die "missing: $missing; $(install_command "$missing" "$(brew_names $missing)")"
	fi
}
