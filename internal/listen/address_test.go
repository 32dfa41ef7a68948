package listen

import (
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	tests := []struct {
		in   string
		want Address
		text string // of String, if other than in
	}{
		{":5000", Address{Network: "tcp", Port: 5000}, ""},
		{":0", Address{Network: "tcp"}, ""},
		{":65535", Address{Network: "tcp", Port: 65535}, ""},
		{"127.0.0.1:80", Address{Network: "tcp", Host: "127.0.0.1", Port: 80}, ""},
		{"0.0.0.0:80", Address{Network: "tcp", Host: "0.0.0.0", Port: 80}, ""},
		{"localhost:0080", Address{Network: "tcp", Host: "localhost", Port: 80}, "localhost:80"},
		{"my_service.internal:1", Address{Network: "tcp", Host: "my_service.internal", Port: 1}, ""},
		{"[::1]:8080", Address{Network: "tcp", Host: "::1", Port: 8080}, ""},
		{"[fe80::1%eth0]:1", Address{Network: "tcp", Host: "fe80::1%eth0", Port: 1}, ""},
		{"[::]:0", Address{Network: "tcp", Host: "::"}, ""},
		{"unix:/run/a.sock", Address{Network: "unix", Path: "/run/a.sock"}, ""},
		{"unix:///run/a.sock", Address{Network: "unix", Path: "/run/a.sock"}, "unix:/run/a.sock"},
		{"unix:a.sock", Address{Network: "unix", Path: "a.sock"}, ""},
		{"/run/a b.sock", Address{Network: "unix", Path: "/run/a b.sock"}, "unix:/run/a b.sock"},
		{"./a.sock", Address{Network: "unix", Path: "a.sock"}, "unix:a.sock"},
		{"run/../a.sock", Address{Network: "unix", Path: "a.sock"}, "unix:a.sock"},
		{"/" + strings.Repeat("p", maxPath-1), Address{Network: "unix", Path: "/" + strings.Repeat("p", maxPath-1)}, "unix:/" + strings.Repeat("p", maxPath-1)},
	}
	for _, tt := range tests {
		got, err := Parse(tt.in)
		if err != nil || got != tt.want {
			t.Errorf("Parse(%q) = %+v, %v; want %+v", tt.in, got, err, tt.want)
			continue
		}
		text := tt.text
		if text == "" {
			text = tt.in
		}
		if got.String() != text {
			t.Errorf("Parse(%q).String() = %q, want %q", tt.in, got, text)
		}
	}
}

func TestParseErrors(t *testing.T) {
	tooLong := "/" + strings.Repeat("p", maxPath)
	tests := []struct{ in, want string }{
		{"", "address is empty (write :5000, host:port, [::1]:5000 or unix:/path)"},
		{"5000", `address "5000" is only a number (did you mean ":5000"?)`},
		{"70000", `address "70000" is only a number`},
		{"localhost", `address "localhost" has no port (did you mean "localhost:5000"?)`},
		{"127.0.0.1", `address "127.0.0.1" has no port (did you mean "127.0.0.1:5000"?)`},
		{"localhost:", `address "localhost:" has no port (did you mean "localhost:5000"?)`},
		{":", `address ":" has no port (did you mean ":5000"?)`},
		{"*:5000", `address "*:5000": all interfaces are written without a star (did you mean ":5000"?)`},
		{"*:", `address "*:" has no port`},
		{":http", `address ":http": port "http" is not a number`},
		{":-1", `address ":-1": port "-1" is not a number`},
		{":65536", `address ":65536": port 65536 is above 65535`},
		{":99999999999999999999", `address ":99999999999999999999": port 99999999999999999999 is above 65535`},
		{"::1", `address "::1": IPv6 needs brackets and a port (did you mean "[::1]:5000"?)`},
		{"::1:5000", `address "::1:5000": IPv6 needs brackets (did you mean "[::1]:5000"?)`},
		{"2001:db8::5:8000", `address "2001:db8::5:8000": IPv6 needs brackets (did you mean "[2001:db8::5]:8000"?)`},
		{"a:b:c", `address "a:b:c" has too many colons (write host:port, or [::1]:port for IPv6)`},
		{"[::1]", `address "[::1]" has no port (did you mean "[::1]:5000"?)`},
		{"[::1]5000", `address "[::1]5000" has something other than a colon after the bracket`},
		{"[::1", `address "[::1" has no closing bracket`},
		{"[::1]:", `address "[::1]:" has no port (did you mean "[::1]:5000"?)`},
		{"[127.0.0.1]:80", `address "[127.0.0.1]:80": brackets are for IPv6, and "127.0.0.1" is no IPv6 address`},
		{"256.1.1.1:80", `address "256.1.1.1:80": "256.1.1.1" is no IPv4 address`},
		{"5000:80", `address "5000:80": "5000" is no IPv4 address`},
		{"user@host:80", `address "user@host:80": "@" can't stand in a host name`},
		{"http://:5000", `address "http://:5000" is a URL, not host:port (did you mean ":5000"?)`},
		{"http://localhost:80/x", `address "http://localhost:80/x" is a URL, not host:port (did you mean "localhost:80"?)`},
		{"https://example.org", `address "https://example.org" is a URL, not host:port`},
		{"localhost:80/app", `address "localhost:80/app" has a path after the port (did you mean "localhost:80"?)`},
		{":80 ; comment", `address ":80 ; comment" has a blank or a comment in it`},
		{":80\n", `address ":80\n" has a control character in it`},
		{"unix:", `address "unix:" has no path (write unix:/path)`},
		{"unix:@app", `address "unix:@app" is an abstract socket, which anybody on this machine could reach (write unix:/path)`},
		{"./@app", `address "./@app" is an abstract socket, which anybody on this machine could reach (write unix:/path)`},
		{"unix:/run/", `address "unix:/run/" names a directory, not a socket`},
		{"/run/..", `address "/run/.." names a directory, not a socket`},
		{tooLong, "address " + strconv.Quote(tooLong) + " is too long for a UNIX socket: " + strconv.Itoa(maxPath+1) + " bytes, the system takes " + strconv.Itoa(maxPath) + " (choose a shorter path)"},
	}
	for _, tt := range tests {
		if a, err := Parse(tt.in); err == nil || err.Error() != tt.want {
			t.Errorf("Parse(%q) = %+v, error\n  %v\nwant\n  %s", tt.in, a, err, tt.want)
		}
	}
}

func TestParseMode(t *testing.T) {
	for in, want := range map[string]fs.FileMode{"": 0o666, "1": 0o666, "660": 0o660, "777": 0o777, "007": 0o007} {
		if got, err := ParseMode(in); err != nil || got != want {
			t.Errorf("ParseMode(%q) = %o, %v; want %o", in, got, err, want)
		}
	}
	for _, in := range []string{"66", "0660", "668", "rw-", "660 ; all", "000", "-66", "+66"} {
		if got, err := ParseMode(in); err == nil {
			t.Errorf("ParseMode(%q) = %o, want an error", in, got)
		}
	}
}

var hint = regexp.MustCompile(`did you mean ("(?:[^"\\]|\\.)*")\?`)

// FuzzParse: an accepted address reads back as itself and holds no value out
// of range; a refusal is one printable line, whose hint, if any, is accepted.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", ":5000", "5000", "[::1]:80", "unix:/a", "./@x", "::1:1", "a:b:c", "http://:1/", "x/\x00", "*:", "[fe80::1%a]:1", "a\u2028/b", "\xff/x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := Parse(s)
		if err != nil {
			checkLine(t, err.Error())
			if m := hint.FindStringSubmatch(err.Error()); m != nil {
				guess, uerr := strconv.Unquote(m[1])
				if _, perr := Parse(guess); uerr != nil || perr != nil {
					t.Fatalf("Parse(%q): hint in %q is no address: %v", s, err, perr)
				}
			}
			return
		}
		again, err := Parse(a.String())
		if err != nil || again != a {
			t.Fatalf("Parse(%q) = %+v, reads back as %+v, %v", s, a, again, err)
		}
		switch a.Network {
		case "tcp":
			if a.Port < 0 || a.Port > 65535 || a.Path != "" {
				t.Fatalf("Parse(%q) = %+v", s, a)
			}
		case "unix":
			if a.Path == "" || a.Path[0] == '@' || len(a.Path) > maxPath || a.Host != "" || strings.ContainsRune(a.Path, 0) {
				t.Fatalf("Parse(%q) = %+v", s, a)
			}
		default:
			t.Fatalf("Parse(%q) = %+v", s, a)
		}
	})
}

func checkLine(t *testing.T, line string) {
	t.Helper()
	for _, r := range line {
		if !strconv.IsPrint(r) {
			t.Fatalf("error line %q has %U in it", line, r)
		}
	}
}
