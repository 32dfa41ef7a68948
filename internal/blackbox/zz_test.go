package blackbox
import ("testing";"strings")
func TestZZ(t *testing.T) {
	s := single.start(t, launch{App: "soak", Args: []string{"--threads", "4", "--disable-logging"}})
	s.putContent(t, []byte(strings.Repeat("file content ", 500)))
	s.fillCaches(t)
	for i := range 8 {
		s.soak(t, 8000, i*8000)
		t.Logf("%+v", s.census(t))
	}
}
