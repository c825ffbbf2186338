// SPDX-License-Identifier: Apache-2.0
/*
 * A client whose peer is a bootstrap server: nothing is registered, nobody manages. What comes
 * is the bootstrap state machine's, and what it says goes out here.
 */
#include <errno.h>

#include "lwm2m/bootstrap.h"
#include "lwm2m/internal.h"

void lwm2m_client_bs_new(struct lwm2m_client *c, const struct lwm2m_config *config)
{
	c->bs = config->bootstrap;
	c->ssid = c->reg.server.ssid = LWM2M_SSID_BOOTSTRAP;
}

void lwm2m_client_bs_up(struct lwm2m_client *c, uint64_t now, bool fresh)
{
	if (c->state == LWM2M_STOPPED)
		return;
	c->up = true;
	if (fresh)
		coap_endpoint_reset(c->ep, now, false);
	if (c->stream)
		coap_stream_start(c->ep, now);
	lwm2m_bootstrap_attach(c->bs, c->ep);
	lwm2m_bootstrap_up(c->bs, now);
}

void lwm2m_client_bs_down(struct lwm2m_client *c, uint64_t now, int error, const char *what)
{
	if (c->state == LWM2M_STOPPED)
		return;
	/* the owner takes this account away now: another attempt has another */
	c->up = false;
	c->state = LWM2M_STOPPED;
	lwm2m_bootstrap_down(c->bs, now, error, what);
}

void lwm2m_client_bs_stop(struct lwm2m_client *c)
{
	if (!c->bs)
		return;
	lwm2m_bootstrap_attach(c->bs, NULL);
	c->state = LWM2M_STOPPED;
}
