package options

import "reflect"

// warnEffect tells of options that were set and have no effect.
func (s *Settings) warnEffect() {
	for i := range Table {
		o := &Table[i]
		from, set := s.from[o.Name]
		if !set || o.foreign() || o.off(&s.config) {
			continue
		}
		if o.Needs != "" && !find(s.command, o.Needs).on(&s.config) {
			s.warn(from.name(o.Name) + " has no effect without --" + o.Needs)
		}
		if o.AtMost == "" {
			continue
		}
		if least := find(s.command, o.AtMost); least.on(&s.config) && o.number(&s.config) > least.number(&s.config) {
			s.warn(from.name(o.Name) + " is more than --" + o.AtMost + ", which comes first")
		}
	}
}

func (s *Settings) warn(text string) { s.config.Warnings = append(s.config.Warnings, text) }

// off tells whether the option is turned off: 0 means something where it's not the default.
func (o *Option) off(c *Config) bool { return o.zero(c) && !o.hasDefault() }

func (o *Option) on(c *Config) bool {
	if o.On != nil {
		return o.On(c)
	}
	return !o.zero(c)
}

// zero tells whether the option's field is, a list without values included.
func (o *Option) zero(c *Config) bool {
	field := reflect.ValueOf(o.Field(c)).Elem()
	return field.IsZero() || field.Kind() == reflect.Slice && field.Len() == 0
}

// number is the value of an Int or of Seconds.
func (o *Option) number(c *Config) int64 { return reflect.ValueOf(o.Field(c)).Elem().Int() }
