/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URIs of nodes (OMA-TS-DM_TND-V1_2_1, 5.1 and 7.6): "./A/B?prop=Name". A '/' in a name is
 * written %2F. Pure.
 */
#ifndef SESAME_DM_URI_H
#define SESAME_DM_URI_H

#include "dm/tree-ops.h"

/**
 * struct dm_path - names from the root down, or from a mount's node down
 * @n: how many; 0 is the root
 * @name: escapes undone; never empty, no NUL
 */
struct dm_path {
	unsigned int n;
	const char *name[DM_DEPTH_MAX];
	char room[DM_URI_MAX + 2]; /* where the names are; a dm_path must not be copied */
};

/** enum dm_query - what is behind the '?' */
enum dm_query {
	DM_QUERY_NONE,
	DM_QUERY_PROP,
	DM_QUERY_STRUCT,
	DM_QUERY_STRUCTDATA,
	DM_QUERY_TNDS,
	DM_QUERY_UNKNOWN, /* ?list= of something else, or anything else */
};

/* properties, for ?prop= and for the lists of ?list=TNDS */
#define DM_PROP_ACL (1U << 0)
#define DM_PROP_FORMAT (1U << 1)
#define DM_PROP_NAME (1U << 2)
#define DM_PROP_SIZE (1U << 3)
#define DM_PROP_TITLE (1U << 4)
#define DM_PROP_TSTAMP (1U << 5)
#define DM_PROP_TYPE (1U << 6)
#define DM_PROP_VERNO (1U << 7)
#define DM_PROP_VALUE (1U << 8) /* in lists for TNDS only */
#define DM_PROP_ALL 0x1ffU

/** struct dm_uri - a URI, taken apart; @props is one of DM_PROP_ for ?prop= (0: not known),
 * those that are wanted for ?list=TNDS */
struct dm_uri {
	struct dm_path path;
	enum dm_query query;
	unsigned int props;
};

/**
 * dm_uri_parse() - "./A/B", "A/B", "." with or without a query
 *
 * %XX is undone; the result must be UTF-8 without control characters. "" is the root only
 * as ".". Names "." and ".." are refused.
 *
 * Return: 200, 400 (not a URI of a node), 414 (too long, too deep, a name too long).
 */
int dm_uri_parse(const char *s, struct dm_uri *uri);

/**
 * dm_path_print() - "./A/B", with escapes where they are needed
 *
 * Return: its length, -ENAMETOOLONG beyond DM_URI_MAX.
 */
int dm_path_print(const struct dm_path *path, char out[DM_URI_MAX + 1]);

/** dm_path_push() - one name more. 0, -EINVAL (no name of a node), -ENAMETOOLONG. */
int dm_path_push(struct dm_path *path, const char *name, size_t len);
/** dm_path_pop() - one less. */
void dm_path_pop(struct dm_path *path);
/** dm_path_set() - a copy of the names of @from from number @first on. */
void dm_path_set(struct dm_path *path, const struct dm_path *from, unsigned int first);

#endif /* SESAME_DM_URI_H */
