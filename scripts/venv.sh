# shellcheck shell=bash
# Sourced after lib.sh: virtualenvs with pinned packages.

# ensure_venv makes directory $1 a virtualenv of the chosen Python with the
# packages of file $2. A stamp in it holds both; where it still matches, nothing
# is done. A virtualenv of another Python is made anew.
ensure_venv() {
	local dir=$1 requirements=$2 base identity stamp
	# In a virtualenv, the interpreter behind it: $dir may be the active one.
	base=$("$PYTHON" -c 'import sys; print(getattr(sys, "_base_executable", sys.executable))')
	identity=$("$base" -c 'import sys; print(sys.base_prefix, sys.version)' | tr '\n' ' ')
	stamp=$dir/.gowsgi-stamp
	if [ -e "$stamp" ] && [ "$identity" = "$(head -n 1 "$stamp")" ]; then
		tail -n +2 "$stamp" | cmp -s - "$requirements" && return
	else
		echo "making $dir ..." >&2
		rm -rf "$dir"
		"$base" -m venv "$dir" >&2 || die "$base can't make a virtualenv; $(install_command python3-venv python3)"
	fi
	"$dir/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements" >&2 ||
		die "pip could not install $requirements into $dir; its message is above"
	{
		echo "$identity"
		cat "$requirements"
	} >"$stamp"
}
