package smoke

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// The elements of a JUnit report, as junit-10.xsd of Jenkins' xUnit plugin has them.
type (
	junitSuites struct {
		XMLName xml.Name   `xml:"testsuites"`
		Suite   junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name      string      `xml:"name,attr"`
		Tests     int         `xml:"tests,attr"`
		Failures  int         `xml:"failures,attr"`
		Errors    int         `xml:"errors,attr"`
		Skipped   int         `xml:"skipped,attr"`
		Time      string      `xml:"time,attr"`
		Timestamp string      `xml:"timestamp,attr"`
		Cases     []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitMessage `xml:"failure"`
		Skipped *junitMessage `xml:"skipped"`
	}
	junitMessage struct {
		Type    string `xml:"type,attr"`
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// writeJUnit writes the report for CI servers. Its times are in seconds.
func (r *Report) writeJUnit(w io.Writer) error {
	suite := junitSuite{
		Name: "gowsgi smoke " + r.App, Tests: len(r.Results), Failures: r.Failed, Skipped: r.Skipped,
		Time: seconds(r.MS), Timestamp: r.Started.UTC().Format("2006-01-02T15:04:05"),
	}
	for i := range r.Results {
		result := &r.Results[i]
		c := junitCase{Class: "smoke", Name: result.Name, Time: seconds(result.MS)}
		if result.File != "" {
			c.Class = result.File
		}
		if result.Round > 1 {
			c.Name += fmt.Sprintf(" (round %d)", result.Round)
		}
		switch result.Outcome {
		case Failed:
			c.Failure = &junitMessage{"failure", strings.Join(result.Failures, "; "), result.evidence()}
		case Skipped:
			c.Skipped = &junitMessage{Type: "skipped", Message: "not started: another check had failed"}
		}
		suite.Cases = append(suite.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", " ")
	return e.Encode(junitSuites{Suite: suite})
}

func seconds(ms float64) string {
	return fmt.Sprintf("%.3f", time.Duration(ms*float64(time.Millisecond)).Seconds())
}
