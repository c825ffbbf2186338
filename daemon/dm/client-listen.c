// SPDX-License-Identifier: Apache-2.0
/* The ports of a client: opened at the start, and tried again while they cannot be had.
 * Sessions go on meanwhile; all that is missing is what servers would send. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "dm/client-priv.h"

#define AGAIN_MS 1000U	    /* before the second try; doubled each time */
#define AGAIN_MAX_MS 60000U /* who took it may be gone: no longer than that */

static const char *key_of(const struct client_port *p)
{
	return p->coap ? "coap_port" : "udp_port";
}

static const char *name_of(const struct client_port *p)
{
	return p->coap ? "CoAP" : "UDP";
}

/* Why, for people; what to do about it goes to the log. */
static const char *reason(int error)
{
	switch (error) {
	case -EADDRINUSE:
		return "another program has it";
	case -EADDRNOTAVAIL:
		return "no interface has this address";
	case -EACCES:
	case -EPERM:
		return "semd may not take it";
	default:
		return strerror(-error);
	}
}

static void complain(struct dm_client *c, const struct client_port *p, uint64_t wait)
{
	const char *bind = *c->bind ? c->bind : "loopback", *try;
	char own[160];

	switch (p->error) {
	case -EADDRINUSE:
		snprintf(own, sizeof(own), "'ss -ulpn sport = :%u' names it, %s= another port",
			 (unsigned int)p->number, key_of(p));
		try = own;
		break;
	case -EADDRNOTAVAIL:
		try = "bind= has to be an address of this machine";
		break;
	case -EACCES:
	case -EPERM:
		snprintf(own, sizeof(own), "%s= can be one from 1024 on", key_of(p));
		try = own;
		break;
	default:
		snprintf(own, sizeof(own), "%s= and bind= say where", key_of(p));
		try = own;
	}
	client_log(c, LOG_WARNING, "",
		   "%s port %u on %s cannot be opened, notifications do not come that way: %s "
		   "([dm] %s; %s=0 is none). It is tried again in %u s, and on",
		   name_of(p), (unsigned int)p->number, bind, reason(p->error), try, key_of(p),
		   (unsigned int)(wait / 1000U));
}

/* One try. -EINVAL: it will never do. */
static int open_port(struct dm_client *c, struct client_port *p, uint64_t now)
{
	unsigned int shift = p->tries < 6 ? p->tries : 6;
	uint64_t wait = (uint64_t)AGAIN_MS << shift;
	int r;

	if (wait > AGAIN_MAX_MS)
		wait = AGAIN_MAX_MS;
	r = dm_listen_open(&p->l, *c->bind ? c->bind : NULL, p->number, p->coap);
	if (!r) {
		r = client_watch(c, p->l.fd, p->coap ? ON_COAP : ON_UDP);
		if (r)
			dm_listen_close(&p->l);
	}
	if (r == -EINVAL)
		return r;
	if (r) {
		/* said once for each reason, not each time */
		if (p->error != r) {
			p->error = r;
			complain(c, p, wait);
		}
		p->tries++;
		p->again = now + wait;
		return 0;
	}
	client_log(c, p->tries ? LOG_NOTICE : LOG_INFO, "", "notifications on %s port %u",
		   name_of(p), (unsigned int)p->l.port);
	p->again = DM_NEVER;
	p->tries = 0;
	p->error = 0;
	return 0;
}

int client_listen(struct dm_client *c, uint64_t now, char *why)
{
	const int wanted[] = {c->config.udp_port, c->config.coap_port};
	int r;

	snprintf(c->bind, sizeof(c->bind), "%s", c->config.bind ? c->config.bind : "");
	for (unsigned int i = 0; i < CLIENT_PORTS; i++) {
		struct client_port *p = &c->port[i];

		if (wanted[i] < 0)
			continue;
		p->number = (uint16_t)wanted[i];
		p->used = true;
		r = open_port(c, p, now);
		if (r) {
			snprintf(why, DM_CLIENT_WORDS_MAX,
				 "[dm] bind=%.64s: no IPv4 or IPv6 address", c->bind);
			return r;
		}
	}
	return 0;
}

void client_listen_tick(struct dm_client *c, uint64_t now)
{
	for (unsigned int i = 0; i < CLIENT_PORTS; i++)
		if (c->port[i].again <= now)
			(void)open_port(c, &c->port[i], now);
}

void client_listen_soon(struct dm_client *c, uint64_t now)
{
	for (unsigned int i = 0; i < CLIENT_PORTS; i++)
		if (c->port[i].again != DM_NEVER)
			c->port[i].again = now;
}

uint64_t client_listen_deadline(const struct dm_client *c)
{
	uint64_t first = DM_NEVER;

	for (unsigned int i = 0; i < CLIENT_PORTS; i++)
		if (c->port[i].again < first)
			first = c->port[i].again;
	return first;
}

void client_listen_close(struct dm_client *c)
{
	for (unsigned int i = 0; i < CLIENT_PORTS; i++)
		if (c->port[i].l.fd >= 0)
			dm_listen_close(&c->port[i].l);
}

int dm_client_port(const struct dm_client *c, unsigned int index, struct dm_client_port *out)
{
	const struct client_port *p;

	if (index >= CLIENT_PORTS)
		return -ENOENT;
	p = &c->port[index];
	memset(out, 0, sizeof(*out));
	out->used = p->used;
	out->coap = p->coap;
	out->open = p->l.fd >= 0;
	out->number = out->open ? p->l.port : p->number;
	snprintf(out->bind, sizeof(out->bind), "%s", c->bind);
	out->again_ms = p->again;
	if (p->error)
		snprintf(out->error, sizeof(out->error), "%s", reason(p->error));
	return 0;
}
