/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an LwM2M device keeps over a restart: a store (store/store.h) by the name of
 * "lwm2m", and in it what is listed here. Keys and PSKs are among it.
 */
#ifndef SESAME_LWM2M_STATE_H
#define SESAME_LWM2M_STATE_H

#include "store/store.h"

/*
 * enum lwm2m_kind - who owns the bytes. The numbers are in files: never change them.
 *
 * Keys of the kinds marked with * begin with the account's short server id, two
 * bytes, big endian (LWM2M_SSID_BOOTSTRAP for the bootstrap account): all that
 * is kept for an account goes with it, lwm2m_state_forget().
 */
enum lwm2m_kind {
	LWM2M_KIND_META = 1, /* device.c: digests of the configuration */
	LWM2M_KIND_DATA,     /* data.c: instances of the stored objects */
	LWM2M_KIND_ATTR,     /* * attributes of Write-Attributes */
	LWM2M_KIND_REG,	     /* * registration: location, version, … */
	LWM2M_KIND_OBS,	     /* * observations */
	LWM2M_KIND_NOTIF,    /* * notifications that wait for the server */
	LWM2M_KIND_SESSION,  /* * DTLS and TLS sessions, port, message ids */
	LWM2M_KIND_OSCORE,   /* * sequence numbers, replay windows */
	LWM2M_KIND_BS,	     /* bootstrap: where accounts came from, timeouts */
	LWM2M_KIND_SW,	     /* was: software packages, in content.db now */
	LWM2M_KIND_DEDUP,    /* * requests that must not run twice */
	LWM2M_KIND_OBJECT,   /* was: registries of the SEs, in content.db now */
};

#define LWM2M_SSID_BOOTSTRAP 65535U

/** lwm2m_state_forget() - all that is kept for the account @ssid (kinds with a *). */
int lwm2m_state_forget(struct store *st, uint16_t ssid);

#endif /* SESAME_LWM2M_STATE_H */
