/* SPDX-License-Identifier: Apache-2.0 */
/* Stream sockets: buffers around one, listening, and connecting for as long as it takes. */
#ifndef SOFTSE_STREAM_H
#define SOFTSE_STREAM_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/** struct stream - a connected socket, non-blocking, and what goes in and out */
struct stream {
	int fd; /* -1: none */
	uint8_t *in, *out;
	size_t in_room, in_off, in_len;
	size_t out_room, out_off, out_len;
};

/** stream_init() - @fd is the stream's from then on, also where this fails; false: no memory */
bool stream_init(struct stream *s, int fd, size_t in_room, size_t out_room);
void stream_close(struct stream *s);

/** stream_fill() - read what is there and has room; false: the other end is gone */
bool stream_fill(struct stream *s);

/** stream_flush() - write what goes; false: the other end is gone */
bool stream_flush(struct stream *s);

/** stream_take() - @n bytes of the input have been used */
void stream_take(struct stream *s, size_t n);

/** stream_put() - queue bytes; false: no room, the other end does not read */
bool stream_put(struct stream *s, const void *data, size_t n);

/** struct address - a UNIX socket's path, or HOST:PORT */
struct address {
	struct sockaddr_storage sa;
	socklen_t len;
	const char *text;
};

/** address_parse() - a '/' in it makes it a path; false with @err filled */
bool address_parse(struct address *a, const char *text, char *err, size_t err_room);

/** address_listen() - a listening socket; takes a dead UNIX socket away. Or negative errno */
int address_listen(const struct address *a);

/** address_listen_unix() - both for a path; negative errno with @err filled */
int address_listen_unix(struct address *a, const char *path, char *err, size_t err_room);

/** struct dialer - connects to an address, again and again */
struct dialer {
	struct address to;
	const char *what;  /* for messages */
	int fd;		   /* connecting, or -1 */
	uint64_t retry_us; /* when to try next */
	bool said;	   /* that it does not work */
};

bool dialer_init(struct dialer *d, const char *what, const char *to, char *err,
		 size_t err_room);

/** dialer_prepare() - as wire->prepare, for one descriptor */
void dialer_prepare(struct dialer *d, struct pollfd *fd, uint64_t now_us,
		    uint64_t *deadline_us);

/** dialer_step() - a connected descriptor, the caller's from then on, or -1 */
int dialer_step(struct dialer *d, short events, uint64_t now_us);

/** dialer_again() - the connection was lost; says so */
void dialer_again(struct dialer *d, const char *why, uint64_t now_us);

void dialer_close(struct dialer *d);

#endif
