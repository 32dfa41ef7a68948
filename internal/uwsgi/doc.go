// Package uwsgi reads requests of the uwsgi protocol, nginx's uwsgi_pass, out of a byte buffer.
// It does no I/O and owns no buffer; every slice it returns points into the caller's.
//
// A request is one packet: a header of four bytes (modifier1, the size of what follows in two
// bytes, low one first, modifier2), and in that size pairs of a name and a value, each with a
// length of two bytes before it. The body follows the packet; its length is the variable
// CONTENT_LENGTH, which is the caller's matter, as are all variables.
//
// It is strict: a packet is taken whole or not at all. After an [Error] the connection must be
// closed, for nobody knows what the next bytes are.
package uwsgi
