// SPDX-License-Identifier: Apache-2.0
/*
 * OMA's objects of accounts and of the device (LwM2M core 1.2, appendix E and
 * its objects 4, 6, 7, 21): the resources that can mean something here.
 */
#include "model/tables.h"

static const struct model_resource security[] = {
	RES(0, "LWM2M Server URI", NONE, MODEL_STRING, MUST, BYTES(0, 255),
	    SAYS("Address of the server: coap, coaps, coap+tcp or coaps+tcp.")),
	RES(1, "Bootstrap-Server", NONE, MODEL_BOOLEAN, MUST,
	    SAYS("True for a bootstrap server.")),
	RES(2, "Security Mode", NONE, MODEL_INTEGER, MUST, SPAN(0, 4),
	    SAYS("0 pre-shared key, 1 raw public key, 2 certificate, 3 none, 4 certificate by "
		 "EST "
		 "(not supported).")),
	RES(3, "Public Key or Identity", NONE, MODEL_OPAQUE, MUST,
	    SAYS("PSK identity, our public key or our certificate; or where it lies in a "
		 "secure "
		 "element.")),
	RES(4, "Server Public Key", NONE, MODEL_OPAQUE, MUST,
	    SAYS("Public key or certificate of the server, or who vouches for it.")),
	RES(5, "Secret Key", NONE, MODEL_OPAQUE, MUST,
	    SAYS("PSK or private key; or where it lies in a secure element, which it then "
		 "never "
		 "leaves.")),
	RES(6, "SMS Security Mode", NONE, MODEL_INTEGER, SPAN(0, 255),
	    SAYS("Kept and not used: there is no SMS here.")),
	RES(7, "SMS Binding Key Parameters", NONE, MODEL_OPAQUE, BYTES(0, 6), SAYS("As 6.")),
	RES(8, "SMS Binding Secret Key(s)", NONE, MODEL_OPAQUE, BYTES(0, 48), SAYS("As 6.")),
	RES(9, "LwM2M Server SMS Number", NONE, MODEL_STRING, SAYS("As 6.")),
	RES(10, "Short Server ID", NONE, MODEL_INTEGER, SPAN(1, 65534),
	    SAYS("Links this account to its Server instance.")),
	RES(11, "Client Hold Off Time", NONE, MODEL_INTEGER, UNIT("s"),
	    SAYS("Of a bootstrap server: time to wait before it is asked.")),
	RES(12, "Bootstrap-Server Account Timeout", NONE, MODEL_INTEGER, UNIT("s"),
	    SAYS("Time after a bootstrap at which this account is dropped; 0: never.")),
	RES(13, "Matching Type", NONE, MODEL_UNSIGNED, SPAN(0, 3),
	    SAYS("What Server Public Key is: 0 the whole, 1 its SHA-256, 2 SHA-384, 3 "
		 "SHA-512.")),
	RES(14, "SNI", NONE, MODEL_STRING, SAYS("Server name for TLS and DTLS.")),
	RES(15, "Certificate Usage", NONE, MODEL_UNSIGNED, SPAN(0, 3),
	    SAYS("0 CA constraint, 1 service certificate constraint, 2 trust anchor assertion, "
		 "3 "
		 "domain-issued certificate.")),
	RES(16, "DTLS/TLS Ciphersuite", NONE, MODEL_UNSIGNED, MANY, SPAN(0, 65535),
	    SAYS("Cipher suites that may be used, by their IANA numbers.")),
	RES(17, "OSCORE Security Mode", NONE, MODEL_OBJLNK,
	    SAYS("Instance of object 21 whose context protects this account.")),
};

const struct model_object model_security = {
	.id = MODEL_OBJECT_SECURITY,
	.name = "LWM2M Security",
	.urn = "urn:oma:lwm2m:oma:0:1.2",
	.version = "1.2",
	.lwm2m_version = "1.1",
	.multiple = true,
	.mandatory = true,
	.description = "Server accounts. No server may read them.",
	.resources = security,
	.nr = NR(security),
};

static const struct model_resource server[] = {
	RES(0, "Short Server ID", MODEL_R, MODEL_INTEGER, MUST, SPAN(1, 65534),
	    SAYS("Number of the server within this device.")),
	RES(1, "Lifetime", MODEL_RW, MODEL_INTEGER, MUST, .min = 1, .max = UINT32_MAX,
	    UNIT("s"), SAYS("Lifetime of the registration.")),
	RES(2, "Default Minimum Period", MODEL_RW, MODEL_INTEGER, .min = 0, .max = UINT32_MAX,
	    UNIT("s"), SAYS("pmin of an observation that has none of its own.")),
	RES(3, "Default Maximum Period", MODEL_RW, MODEL_INTEGER, .min = 0, .max = UINT32_MAX,
	    UNIT("s"), SAYS("pmax of an observation that has none of its own; 0: none.")),
	RES(4, "Disable", MODEL_E, MODEL_NONE,
	    SAYS("De-registers and leaves the server alone for the time of Disable Timeout.")),
	RES(5, "Disable Timeout", MODEL_RW, MODEL_INTEGER, .min = 0, .max = UINT32_MAX,
	    UNIT("s"), SAYS("86400 where it is not set.")),
	RES(6, "Notification Storing When Disabled or Offline", MODEL_RW, MODEL_BOOLEAN, MUST,
	    SAYS("Whether what happens while the server is away is told later.")),
	RES(7, "Binding", MODEL_RW, MODEL_STRING, MUST, .min = 1, .max = 8,
	    SAYS("Transports for this server, in order: U CoAP over UDP, T over TCP.")),
	RES(8, "Registration Update Trigger", MODEL_E, MODEL_NONE, MUST,
	    SAYS("Sends an Update.")),
	RES(9, "Bootstrap-Request Trigger", MODEL_E, MODEL_NONE, SAYS("Begins a bootstrap.")),
	RES(10, "APN Link", MODEL_RW, MODEL_OBJLNK, SAYS("Kept and not used.")),
	RES(11, "TLS-DTLS Alert Code", MODEL_R, MODEL_UNSIGNED, SPAN(0, 255),
	    SAYS("The alert that the server sent last.")),
	RES(12, "Last Bootstrapped", MODEL_R, MODEL_TIME,
	    SAYS("When a bootstrap server wrote this account.")),
	RES(13, "Registration Priority Order", MODEL_R, MODEL_UNSIGNED,
	    SAYS("Servers are registered with in rising order.")),
	RES(14, "Initial Registration Delay Timer", MODEL_RW, MODEL_UNSIGNED, UNIT("s"),
	    SAYS("Time after the server before in the order.")),
	RES(15, "Registration Failure Block", MODEL_R, MODEL_BOOLEAN,
	    SAYS("A failure here keeps those behind in the order from registering.")),
	RES(16, "Bootstrap on Registration Failure", MODEL_R, MODEL_BOOLEAN,
	    SAYS("A failure here begins a bootstrap.")),
	RES(17, "Communication Retry Count", MODEL_RW, MODEL_UNSIGNED,
	    SAYS("Attempts in one sequence.")),
	RES(18, "Communication Retry Timer", MODEL_RW, MODEL_UNSIGNED, UNIT("s"),
	    SAYS("Time between attempts, doubled each time.")),
	RES(19, "Communication Sequence Delay Timer", MODEL_RW, MODEL_UNSIGNED, UNIT("s"),
	    SAYS("Time between sequences.")),
	RES(20, "Communication Sequence Retry Count", MODEL_RW, MODEL_UNSIGNED,
	    SAYS("Sequences before the registration has failed.")),
	RES(21, "Trigger", MODEL_RW, MODEL_BOOLEAN,
	    SAYS("Whether this device can be reached by SMS; it cannot.")),
	RES(22, "Preferred Transport", MODEL_RW, MODEL_STRING, .min = 1, .max = 1,
	    SAYS("The one of Binding that is tried first.")),
	RES(23, "Mute Send", MODEL_RW, MODEL_BOOLEAN, SAYS("Nothing is sent unasked.")),
	RES(26, "Default Notification Mode", MODEL_RW, MODEL_INTEGER, SPAN(0, 1),
	    SAYS("Notifications without the attribute con: 0 non-confirmable, 1 confirmable; 1 "
		 "where it is not set.")),
};

const struct model_object model_server = {
	.id = MODEL_OBJECT_SERVER,
	.name = "LwM2M Server",
	.urn = "urn:oma:lwm2m:oma:1:1.2",
	.version = "1.2",
	.lwm2m_version = "1.2",
	.multiple = true,
	.mandatory = true,
	.description = "How the device behaves to a server.",
	.resources = server,
	.nr = NR(server),
};

static const struct model_resource access[] = {
	RES(0, "Object ID", MODEL_R, MODEL_INTEGER, MUST, SPAN(1, 65534),
	    SAYS("Object that the rights are about.")),
	RES(1, "Object Instance ID", MODEL_R, MODEL_INTEGER, MUST, SPAN(0, 65535),
	    SAYS("Its instance; 65535: who may create instances.")),
	RES(2, "ACL", MODEL_RW, MODEL_INTEGER, MANY, SPAN(0, 31),
	    SAYS("Rights of the server whose short id the resource instance is, 0 for all "
		 "others: "
		 "1 read, observe and attributes, 2 write, 4 execute, 8 delete, 16 create.")),
	RES(3, "Access Control Owner", MODEL_RW, MODEL_INTEGER, MUST, SPAN(0, 65535),
	    SAYS("Short id of the server that may change this instance; 65535: none.")),
};

const struct model_object model_access = {
	.id = MODEL_OBJECT_ACCESS,
	.name = "LwM2M Access Control",
	.urn = "urn:oma:lwm2m:oma:2:1.1",
	.version = "1.1",
	.lwm2m_version = "1.0",
	.multiple = true,
	.description = "Who may do what, where there is more than one server.",
	.resources = access,
	.nr = NR(access),
};

static const struct model_resource device[] = {
	RES(0, "Manufacturer", MODEL_R, MODEL_STRING, SAYS("")),
	RES(1, "Model Number", MODEL_R, MODEL_STRING, SAYS("")),
	RES(2, "Serial Number", MODEL_R, MODEL_STRING, SAYS("")),
	RES(3, "Firmware Version", MODEL_R, MODEL_STRING, SAYS("")),
	RES(4, "Reboot", MODEL_E, MODEL_NONE, MUST,
	    SAYS("The daemon ends and starts again; the machine stays up.")),
	RES(11, "Error Code", MODEL_R, MODEL_INTEGER, MANY, MUST, SPAN(0, 8),
	    SAYS("0: no error, 4: out of memory, 7: no connection to a server, 8: a secure "
		 "element "
		 "does not answer.")),
	RES(12, "Reset Error Code", MODEL_E, MODEL_NONE, SAYS("Forgets them.")),
	RES(13, "Current Time", MODEL_R, MODEL_TIME, SAYS("")),
	RES(16, "Supported Binding and Modes", MODEL_R, MODEL_STRING, MUST, SAYS("")),
};

const struct model_object model_device = {
	.id = MODEL_OBJECT_DEVICE,
	.name = "Device",
	.urn = "urn:oma:lwm2m:oma:3",
	.version = "1.0",
	.lwm2m_version = "1.0",
	.mandatory = true,
	.description = "The device.",
	.resources = device,
	.nr = NR(device),
};

static const struct model_resource connectivity[] = {
	RES(0, "Network Bearer", MODEL_R, MODEL_INTEGER, MUST, SPAN(0, 50),
	    SAYS("Of the interface that the server is reached through: 21 WLAN, 41 Ethernet, "
		 "and "
		 "what else OMA lists.")),
	RES(1, "Available Network Bearer", MODEL_R, MODEL_INTEGER, MANY, MUST, SPAN(0, 50),
	    SAYS("Of the interfaces that are up.")),
	RES(4, "IP Addresses", MODEL_R, MODEL_STRING, MANY, MUST,
	    SAYS("Addresses of the device, link-local and loopback ones left out.")),
};

const struct model_object model_connectivity = {
	.id = MODEL_OBJECT_CONNECTIVITY,
	.name = "Connectivity Monitoring",
	.urn = "urn:oma:lwm2m:oma:4:1.3",
	.version = "1.3",
	.lwm2m_version = "1.1",
	.description =
		"How the device is connected. Radio Signal Strength is left out: what is known "
		"here is the interface and no radio.",
	.resources = connectivity,
	.nr = NR(connectivity),
};

static const struct model_resource location[] = {
	RES(0, "Latitude", MODEL_R, MODEL_FLOAT, MUST, UNIT("lat"), SAYS("")),
	RES(1, "Longitude", MODEL_R, MODEL_FLOAT, MUST, UNIT("lon"), SAYS("")),
	RES(5, "Timestamp", MODEL_R, MODEL_TIME, MUST, SAYS("")),
};

const struct model_object model_location = {
	.id = MODEL_OBJECT_LOCATION,
	.name = "Location",
	.urn = "urn:oma:lwm2m:oma:6",
	.version = "1.0",
	.lwm2m_version = "1.0",
	.description = "Where the device is. It has no instance: no secure element knows.",
	.resources = location,
	.nr = NR(location),
};

static const struct model_resource statistics[] = {
	RES(2, "Tx Data", MODEL_R, MODEL_INTEGER, UNIT("KiB"),
	    SAYS("CoAP messages sent to this server since Start, IP and transport headers of "
		 "the "
		 "plain case included.")),
	RES(3, "Rx Data", MODEL_R, MODEL_INTEGER, UNIT("KiB"), SAYS("The same, received.")),
	RES(4, "Max Message Size", MODEL_R, MODEL_INTEGER, UNIT("B"), SAYS("Of both.")),
	RES(5, "Average Message Size", MODEL_R, MODEL_INTEGER, UNIT("B"), SAYS("Of both.")),
	RES(6, "Start", MODEL_E, MODEL_NONE, MUST, SAYS("Begins to count, at 0.")),
	RES(7, "Stop", MODEL_E, MODEL_NONE, MUST, SAYS("Ends it; the counters stay.")),
	RES(8, "Collection Period", MODEL_RW, MODEL_INTEGER, .min = 0, .max = UINT32_MAX,
	    UNIT("s"), SAYS("Time after Start at which counting ends by itself; 0: never.")),
};

const struct model_object model_statistics = {
	.id = MODEL_OBJECT_STATISTICS,
	.name = "Connectivity Statistics",
	.urn = "urn:oma:lwm2m:oma:7",
	.version = "1.0",
	.lwm2m_version = "1.0",
	.description = "What was sent and received; each server sees its own.",
	.resources = statistics,
	.nr = NR(statistics),
};

static const struct model_resource oscore[] = {
	RES(0, "OSCORE Master Secret", NONE, MODEL_OPAQUE, MUST, SAYS("")),
	RES(1, "OSCORE Sender ID", NONE, MODEL_OPAQUE, MUST, BYTES(0, 13),
	    SAYS("Of this device.")),
	RES(2, "OSCORE Recipient ID", NONE, MODEL_OPAQUE, MUST, BYTES(0, 13),
	    SAYS("Of the server.")),
	RES(3, "OSCORE AEAD Algorithm", NONE, MODEL_INTEGER,
	    SAYS("COSE number; 10 (AES-CCM-16-64-128) where it is not set.")),
	RES(4, "OSCORE HMAC Algorithm", NONE, MODEL_INTEGER,
	    SAYS("COSE number; 5 (HMAC 256/256) or -10 (HKDF SHA-256) where it is not set.")),
	RES(5, "OSCORE Master Salt", NONE, MODEL_OPAQUE, SAYS("")),
	RES(6, "OSCORE ID Context", NONE, MODEL_OPAQUE, SAYS("")),
};

const struct model_object model_oscore = {
	.id = MODEL_OBJECT_OSCORE,
	.name = "LWM2M OSCORE",
	.urn = "urn:oma:lwm2m:oma:21:2.0",
	.version = "2.0",
	.lwm2m_version = "1.1",
	.multiple = true,
	.description = "Security contexts of RFC 8613. No server may read them.",
	.resources = oscore,
	.nr = NR(oscore),
};
