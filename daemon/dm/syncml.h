/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SyncML messages of OMA DM 1.2 (OMA-TS-DM_RepPro, OMA-TS-SyncML_RepPro): from the XML or the
 * WBXML of one message to structures and back. No I/O, no state between messages.
 *
 * Above this codec the value of a node is always raw bytes: what came as Format b64 is decoded,
 * what is not text goes out as base64 text, in WBXML too: OPAQUE octets are read, but not
 * written, since a message with them has no form in XML that converters could show.
 */
#ifndef SESAME_DM_SYNCML_H
#define SESAME_DM_SYNCML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** room for an error in words */
#define DM_WORDS_MAX 160

/** the root's namespace; other VerDTDs have another */
#define DM_XMLNS "SYNCML:SYNCML1.2"

enum dm_coding {
	DM_XML,
	DM_WBXML,
};

/** media types of messages, as in Content-Type (OMA-TS-DM_RepPro, 6) */
#define DM_MIME_XML "application/vnd.syncml.dm+xml"
#define DM_MIME_WBXML "application/vnd.syncml.dm+wbxml"
/** of package 0, of a bare management tree in TNDS */
#define DM_MIME_NOTIFICATION "application/vnd.syncml.notification"
#define DM_MIME_TNDS_XML "application/vnd.syncml.dmtnds+xml"
#define DM_MIME_TNDS_WBXML "application/vnd.syncml.dmtnds+wbxml"

/** dm_mime_coding() - of a Content-Type, with or without parameters, any letter case;
 * application/vnd.syncml+xml and +wbxml too. Return: enum dm_coding, -ENOTSUP. */
int dm_mime_coding(const char *content_type);

enum dm_kind {
	DM_UNKNOWN, /* an element that DM does not have as a command, or not at all: 406 */
	DM_ADD,
	DM_ALERT,
	DM_ATOMIC,
	DM_COPY,
	DM_DELETE,
	DM_EXEC,
	DM_GET,
	DM_REPLACE,
	DM_RESULTS,
	DM_SEQUENCE,
	DM_STATUS,
};

/** dm_kind_name() - "Add" …; "" for DM_UNKNOWN */
const char *dm_kind_name(enum dm_kind kind);

/**
 * struct dm_meta - what a Meta element says (OMA-SyncML-MetaInfo); NULL or 0 is "not there"
 * @format: of the data: "chr", "int", "bool", "bin", "b64", "node", "xml", "null", "date",
 *	"time", "float". Binary data says "b64", and "bin" where it came as OPAQUE; take either
 *	for both
 * @type: a media type, or the URI of an alert or of a way to authenticate
 * @mark: importance of a Generic Alert
 * @size, @has_size: octets of the whole object before base64
 * @max_msg, @max_obj: MaxMsgSize and MaxObjSize, octets; 0: not there, or said to be 0
 * @nonce, @nonce_len, @has_nonce: NextNonce, decoded
 */
struct dm_meta {
	const char *format;
	const char *type;
	const char *mark;
	uint64_t size;
	bool has_size;
	uint64_t max_msg;
	uint64_t max_obj;
	const uint8_t *nonce;
	size_t nonce_len;
	bool has_nonce;
};

/** what the bytes of an item's data are */
enum dm_form {
	DM_FORM_TEXT,	/* UTF-8 text without NUL, as it was sent */
	DM_FORM_RAW,	/* octets: base64 decoded, or OPAQUE that is no text */
	DM_FORM_MARKUP, /* elements inside Data (TNDS, MetInf): an XML fragment in UTF-8 with
			 * its namespaces, without an XML declaration */
	DM_FORM_B64,	/* Format is b64, the text is not base64 on its own: a part of a large
			 * object that was cut in the encoded text (dm_b64_feed()), or an error */
};

/**
 * struct dm_item - one Item; strings end with NUL, NULL is "not there"
 * @target, @source: LocURI as sent, "" if the element is there and empty
 * @target_name, @source_name: LocName
 * @meta: with what the command's own Meta says where the item's does not
 * @data, @len, @has_data: not NUL-terminated; @has_data and @len 0 is an empty value
 * @more: MoreData: a chunk, and not the last one
 */
struct dm_item {
	struct dm_item *next;
	const char *target;
	const char *target_name;
	const char *source;
	const char *source_name;
	struct dm_meta meta;
	const uint8_t *data;
	size_t len;
	bool has_data;
	enum dm_form form;
	bool more;
};

/**
 * struct dm_cred - a Cred element
 * @type: "syncml:auth-basic", "syncml:auth-md5" …; NULL: not said, which means basic
 * @data: base64 undone where Format says b64 (dm_auth_check() takes both)
 */
struct dm_cred {
	const char *type;
	const char *format;
	const uint8_t *data;
	size_t len;
};

/**
 * struct dm_cmd - one command, Status or Results
 * @name: the element's name, also of what is not known
 * @cmd_id: NULL if missing
 * @no_resp: NoResp: no Status is wanted
 * @msg_ref, @cmd_ref, @cmd: of Status and Results; @cmd is the name of what it answers
 * @target_ref, @source_ref: the first of each; NULL if there is none
 * @code: Status: its Data, 100..9999, or 0 if it is no such number; Alert: its Data, or 0
 * @chal: Status: there is a Chal, and @chal_meta is what it says
 * @cred: Status: NULL if none
 * @children: commands in an Atomic or a Sequence
 * @child: it is inside another command's @children
 */
struct dm_cmd {
	struct dm_cmd *next;
	enum dm_kind kind;
	const char *name;
	const char *cmd_id;
	bool no_resp;
	const char *msg_ref;
	const char *cmd_ref;
	const char *cmd;
	const char *target_ref;
	const char *source_ref;
	unsigned int code;
	bool chal;
	struct dm_meta chal_meta;
	const struct dm_cred *cred;
	const char *correlator;
	struct dm_item *items;
	struct dm_cmd *children;
	bool child;
};

/** struct dm_hdr - SyncHdr; NULL is "not there" */
struct dm_hdr {
	const char *ver_dtd;   /* "1.2" */
	const char *ver_proto; /* "DM/1.2" */
	const char *session_id;
	const char *msg_id;
	const char *target;
	const char *target_name;
	const char *source;
	const char *source_name; /* the user's name for MD5 and HMAC */
	const char *resp_uri;
	const struct dm_cred *cred;
	struct dm_meta meta; /* max_msg, max_obj */
	bool no_resp;
};

/** struct dm_msg - one message; everything it points to is in @arena */
struct dm_msg {
	struct dm_hdr hdr;
	struct dm_cmd *cmds;
	size_t n_cmds; /* with those in Atomic and Sequence */
	bool final;
	struct dm_arena *arena;
};

/**
 * struct dm_limits - what a message may have; 0 is the default
 * @bytes: of the message as received: DM_BYTES_MAX
 * @depth: elements within each other: 16; more than the protocol needs
 * @cmds: commands: 16384
 * @items: items in all: 32768
 * @uri: octets of a LocURI, TargetRef, SourceRef or RespURI: 1024 (longer: 414 is the engine's
 *	business from 256 on)
 * @memory: octets of the arena: 48 times what was received and 1 MiB, at most 24 MiB
 */
struct dm_limits {
	size_t bytes;
	unsigned int depth;
	size_t cmds;
	size_t items;
	size_t uri;
	size_t memory;
};
#define DM_BYTES_MAX (1U << 20)

/**
 * dm_msg_parse() - read one message
 * @limits: NULL for the defaults
 * @words: what is wrong and where, NULL or DM_WORDS_MAX octets; never has data of the message
 *
 * XML: UTF-8 only; a DOCTYPE with an internal subset, entities and processing instructions are
 * refused, nothing outside of the message is ever read. WBXML: versions 1.1 to 1.3, UTF-8,
 * public identifiers of SyncML 1.0 to 1.2. An OPAQUE in Data that is a TNDS document in WBXML
 * (by its Type) comes as DM_FORM_MARKUP with the type of TNDS in XML; an OPAQUE with Format b64
 * is decoded if it is base64.
 *
 * Elements that are not known are skipped, but as commands in SyncBody, Atomic and Sequence:
 * they are kept as DM_UNKNOWN. What the DTD asks for and is missing is left NULL; only a
 * message without SyncHdr or SyncBody is refused.
 *
 * Return: 0 with @msg to be freed with dm_msg_free(); -EBADMSG it is not a SyncML message,
 * -E2BIG over a limit, -ENOTSUP another language, version or charset, -ENOMEM.
 */
int dm_msg_parse(enum dm_coding coding, const uint8_t *p, size_t len,
		 const struct dm_limits *limits, struct dm_msg *msg, char *words);

/** dm_msg_free() - wipe and free; @msg may be zeroed, or freed already. */
void dm_msg_free(struct dm_msg *msg);

/**
 * struct dm_b64 - base64 text that comes in pieces cut anywhere
 * Begin with zeros.
 */
struct dm_b64 {
	uint32_t bits;
	uint8_t n;
	uint8_t pad;
};

/**
 * dm_b64_feed() - decode another piece; white space is skipped
 * @out: room for @len / 4 * 3 + 3 octets; may be @p
 * @n: octets written
 *
 * Return: 0 or -EBADMSG. At the end of the object @st.n must be 0 again.
 */
int dm_b64_feed(struct dm_b64 *st, const uint8_t *p, size_t len, uint8_t *out, size_t *n);

/* ---- writing --------------------------------------------------------------- */

struct dm_out;

/**
 * dm_out_new() - a message to be written
 * @max: octets that the whole message may have (the peer's MaxMsgSize), at least 512
 *
 * Return: 0, -EINVAL, -ENOMEM.
 */
int dm_out_new(struct dm_out **out, enum dm_coding coding, size_t max);

/**
 * dm_out_begin() - SyncHdr; first of all
 *
 * Return: 0, -EMSGSIZE, -EINVAL for what cannot be said (characters that XML does not have,
 * no UTF-8), -ENOMEM.
 */
int dm_out_begin(struct dm_out *out, const struct dm_hdr *hdr);

/**
 * dm_out_cmd() - one command with its children
 *
 * The order of the elements is that of the DTD. Code 0 of a Status or an Alert is not written.
 * Data: DM_FORM_MARKUP goes as it is in XML, and in WBXML as a WBXML document in OPAQUE if it
 * is a MgmtTree (the type becomes that of TNDS in WBXML), otherwise as text. For other data
 * meta.format decides: "bin" and "b64" are base64 with Format b64; any other format is text,
 * and is taken as "bin" if the octets are no XML characters in UTF-8.
 *
 * Return: 0; -EMSGSIZE if it does not fit: nothing of it is written then, and a shorter one
 * may follow; -EINVAL and -ENOMEM as before, nothing is written either.
 */
int dm_out_cmd(struct dm_out *out, const struct dm_cmd *cmd);

/**
 * dm_out_fit() - how much of the last item's data would fit now
 *
 * For large objects: octets from the front of that item's data, the rest of @cmd counted in
 * full (with meta.size and MoreData as they are in it). A text is cut between characters.
 *
 * Return: octets, item->len if all fits; -EMSGSIZE if not even one does; -EINVAL, -ENOMEM.
 */
ssize_t dm_out_fit(struct dm_out *out, const struct dm_cmd *cmd);

/**
 * dm_out_end() - the end of the message
 * @p, @len: the message; it belongs to @out and lives as long
 *
 * Return: 0 or -ENOMEM.
 */
int dm_out_end(struct dm_out *out, bool final, const uint8_t **p, size_t *len);

/** dm_out_free() - wipe and free; NULL is fine. */
void dm_out_free(struct dm_out *out);

#endif /* SESAME_DM_SYNCML_H */
