package bridge

// Mount is where one of the apps is: the requests below its prefix are for it.
type Mount struct {
	// Prefix is "" or "/prefix", without a slash at its end. "/a" has "/a" and "/a/x", not "/ab".
	Prefix string
	// App is the app's number: apps count from 0, in the order in which they were loaded.
	App int
}

// Mounts are those of a server, in any order. None: app 0 is at the root, alone.
type Mounts []Mount

// split finds the app that a decoded path belongs to, that of the longest prefix, and splits the path there
// (PEP 3333, SCRIPT_NAME and PATH_INFO). ok is false when no app is there.
func (m Mounts) split(path []byte) (app int, script, info []byte, ok bool) {
	if len(m) == 0 {
		return 0, nil, path, true
	}
	best := m.longest(path)
	if best == nil {
		return 0, nil, path, false
	}
	at := len(best.Prefix)
	return best.App, path[:at:at], path[at:], true
}

// at is the app for a SCRIPT_NAME that somebody in front has set already: the one that is mounted there, or
// above. The path stays as it is.
func (m Mounts) at(script []byte) (app int, ok bool) {
	if len(m) == 0 {
		return 0, true
	}
	best := m.longest(script)
	if best == nil {
		return 0, false
	}
	return best.App, true
}

func (m Mounts) longest(path []byte) (best *Mount) {
	for i := range m {
		if best != nil && len(m[i].Prefix) <= len(best.Prefix) {
			continue
		}
		if below(path, m[i].Prefix) {
			best = &m[i]
		}
	}
	return best
}

// below tells whether path is prefix, or goes on with a slash behind it.
func below(path []byte, prefix string) bool {
	n := len(prefix)
	return len(path) >= n && string(path[:n]) == prefix && (n == 0 || len(path) == n || path[n] == '/')
}
