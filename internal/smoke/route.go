package smoke

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Route is a line of a Flask app's URL map, as pyhost/loader/gowsgi_routes.py tells it.
type Route struct {
	Rule     string   `json:"rule"` // with the prefix that it is mounted at
	Methods  []string `json:"methods"`
	Endpoint string   `json:"endpoint"`
	Path     string   `json:"path"` // "" unless a GET needs no parameter
	Host     string   `json:"host"` // what the Host header must be, "" for anything
}

// WriteRoutes prints routes as a table.
func WriteRoutes(w io.Writer, routes []Route) error {
	slices.SortStableFunc(routes, func(a, b Route) int { return strings.Compare(a.Rule, b.Rule) })
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "RULE\tMETHODS\tENDPOINT")
	for _, r := range routes {
		fmt.Fprintf(t, "%s%s\t%s\t%s\n", r.Host, r.Rule, strings.Join(r.Methods, ", "), r.Endpoint)
	}
	return t.Flush()
}
