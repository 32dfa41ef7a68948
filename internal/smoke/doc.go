// Package smoke is gowsgi smoke: it serves an app on a free port, in a process of its own, tries it over
// real HTTP, and reports. A crash or a hang of the app is a check that failed, and takes nothing along.
//
// A [Server] is that process: this program once more, with a probe around the app (pyhost/loader/gowsgi_probe.py)
// that says what each request did there. A [Check] is one request and what is expected of its response. Checks that
// share cookies and saved values are a scenario. The reports are made of [Result]s.
package smoke
