package pyhost

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// FindExecutable names the python that sys.executable will be: the virtual
// environment's, the one that the program was built with (fallback), or python3 on
// PATH. venv may come from the user (named is how it was named, such as
// "--virtualenv") or be "". version is the CPython this program was built for.
func FindExecutable(venv, named, fallback, version string) (string, error) {
	if venv != "" {
		return venvPython(venv, named, version)
	}
	if isExecutable(fallback) {
		return fallback, nil
	}
	for _, name := range []string{"python" + minor(version), "python3"} {
		if path, err := exec.LookPath(name); err == nil {
			return filepath.Abs(path)
		}
	}
	return "", fmt.Errorf("no python%s found on PATH; install it, or name a virtual environment with --virtualenv", minor(version))
}

// venvPython is the interpreter of the virtual environment in dir, if it is one and of
// the right version: modules of another version do not import.
func venvPython(dir, named, version string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(dir); err != nil {
		return "", fmt.Errorf("%s %s: there is no such directory", named, dir)
	} else if !info.IsDir() {
		return "", fmt.Errorf("%s %s is a file, not the directory of a virtual environment", named, dir)
	}
	config, err := readVenvConfig(filepath.Join(dir, "pyvenv.cfg"))
	if err != nil {
		return "", fmt.Errorf("%s %s is not a virtual environment: it has no pyvenv.cfg", named, dir)
	}
	if has := minor(config["version"]); has != "" && has != minor(version) {
		return "", fmt.Errorf("%s %s is for Python %s, but this gowsgi was built for %s; build one with PYTHON=%s ./scripts/build.sh",
			named, dir, has, minor(version), filepath.Join(dir, "bin", "python"))
	}
	python := filepath.Join(dir, "bin", "python")
	if !isExecutable(python) {
		return "", fmt.Errorf("%s %s has no bin/python that runs; was the Python it was made with removed?", named, dir)
	}
	return python, nil
}

// readVenvConfig reads pyvenv.cfg (PEP 405). Tools call the version version, or
// version_info; it comes back as version.
func readVenvConfig(file string) (map[string]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	config := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), "="); ok {
			config[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
		}
	}
	if config["version"] == "" {
		config["version"] = config["version_info"]
	}
	return config, nil
}

// minor is "3.11" of "3.11.2".
func minor(version string) string {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return ""
	}
	return parts[0] + "." + parts[1]
}

func isExecutable(path string) bool {
	if path == "" {
		return false
	}
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
