// SPDX-License-Identifier: Apache-2.0
/*
 * Access control: two servers of one device, the pure clients of both, on one data
 * model. Who may do what, who becomes the owner, and what is left behind.
 */
#include <errno.h>

#include "lwm2m_world.h"

#include "lwm2m/internal.h"

enum { OBJECT, INSTANCE, ACL, OWNER };

struct pair {
	struct lwm2m_shared shared;
	struct world w[2]; /* short server ids 1 and 2, /1/0 and /1/1 */
	unsigned int told;
	const struct lwm2m_client *by;
	struct lwm2m_path last;
};

static void on_changed(void *ctx, struct lwm2m_client *by, const struct lwm2m_path *path)
{
	struct pair *p = ctx;

	p->told++;
	p->by = by;
	p->last = *path;
}

static const struct lwm2m_shared_ops shared_ops = {.changed = on_changed};

static void add_server(struct lwm2m_data *d, uint16_t instance, uint16_t ssid)
{
	assert_int_equal(lwm2m_data_add(d, 1, instance), 0);
	assert_int_equal(lwm2m_data_set_int(d, 1, instance, 0, ssid), 0);
	assert_int_equal(lwm2m_data_set_int(d, 1, instance, 1, 300), 0);
	assert_int_equal(lwm2m_data_set_int(d, 1, instance, 6, true), 0);
	assert_int_equal(lwm2m_data_set_bytes(d, 1, instance, 7, "U", 1), 0);
}

static void start(struct pair *p, unsigned int i)
{
	struct world *w = &p->w[i];
	const struct lwm2m_config config = {.name = i ? "second" : "first",
					    .endpoint = "urn:dev:test",
					    .version = 11,
					    .shared = &p->shared,
					    .server = (uint16_t)i};
	struct coap_msg m;
	char words[CONTENT_WORDS_MAX];

	w->now = 1000;
	w->mid = (uint16_t)(100 + 100 * i);
	model_se_init(&w->se, "se0", "eSE");
	script_create(w, 0, words);
	assert_int_equal(
		lwm2m_client_new(&w->c, &config, &client_ops, w, &se_ops, w, &script_ops, w),
		0);
	lwm2m_client_up(w->c, w->now, true);
	assert_true(receive(w, &m));
	answer_call(w, &m, COAP_201_CREATED, "rd/1");
}

static int setup_pair(void **state)
{
	struct pair *p = calloc(1, sizeof(*p));
	char why[CONTENT_WORDS_MAX];

	assert_int_equal(store_open(&p->shared.state, NULL, "lwm2m", why, sizeof(why)), 0);
	assert_int_equal(lwm2m_data_new(&p->shared.data, p->shared.state, why), 0);
	p->shared.ops = &shared_ops;
	p->shared.ops_ctx = p;
	add_server(p->shared.data, 0, 1);
	add_server(p->shared.data, 1, 2);
	start(p, 0);
	start(p, 1);
	*state = p;
	return 0;
}

static int teardown_pair(void **state)
{
	struct pair *p = *state;

	for (unsigned int i = 0; i < 2; i++) {
		lwm2m_client_free(p->w[i].c);
		for (unsigned int k = 0; k < SCRIPTS; k++) {
			free(p->w[i].scripts[k].staged);
			free(p->w[i].scripts[k].response);
		}
	}
	lwm2m_data_free(p->shared.data);
	store_close(p->shared.state);
	free(p);
	return 0;
}

/* an access control instance as a bootstrap server would write it */
static void add_aco(struct pair *p, uint16_t id, uint16_t object, uint16_t instance,
		    uint16_t owner)
{
	struct lwm2m_data *d = p->shared.data;

	assert_int_equal(lwm2m_data_add(d, 2, id), 0);
	assert_int_equal(lwm2m_data_set_int(d, 2, id, OBJECT, object), 0);
	assert_int_equal(lwm2m_data_set_int(d, 2, id, INSTANCE, instance), 0);
	assert_int_equal(lwm2m_data_set_int(d, 2, id, OWNER, owner), 0);
}

static void set_acl(struct pair *p, uint16_t id, uint16_t ssid, int64_t rights)
{
	const struct lwm2m_value v = {
		.path = lwm2m_path_at(4, 2, id, ACL, ssid), .type = MODEL_INTEGER, .i = rights};

	assert_int_equal(lwm2m_data_set(p->shared.data, &v), 0);
}

static bool allows(struct pair *p, unsigned int who, uint8_t depth, uint16_t object,
		   uint16_t instance, unsigned int rights)
{
	const struct lwm2m_path path = lwm2m_path_at(depth, object, instance, 1, 0);

	return lwm2m_acl_allows(p->w[who].c, &path, rights);
}

#define ALL (LWM2M_ACL_R | LWM2M_ACL_W | LWM2M_ACL_E | LWM2M_ACL_D)

static void test_rules(void **state)
{
	struct pair *p = *state;

	/* keys: nobody, whatever object 2 says */
	add_aco(p, 0, 21, 0, 1);
	set_acl(p, 0, 1, 31);
	assert_false(allows(p, 0, 2, 0, 0, LWM2M_ACL_R));
	assert_false(allows(p, 0, 3, 21, 0, LWM2M_ACL_R));
	/* without an instance of object 2: what the device has is for all */
	assert_true(allows(p, 0, 2, 3, 0, ALL));
	assert_true(allows(p, 1, 3, 26241, 0, ALL));
	assert_true(allows(p, 1, 1, 26242, 0, LWM2M_ACL_C));
	/* … but a Server instance for its own server */
	assert_true(allows(p, 0, 3, 1, 0, ALL));
	assert_false(allows(p, 1, 3, 1, 0, LWM2M_ACL_R));
	assert_true(allows(p, 1, 3, 1, 1, ALL));
	/* the owner without an entry: everything; everybody else without any: nothing */
	add_aco(p, 1, 3, 0, 2);
	assert_true(allows(p, 1, 2, 3, 0, ALL));
	assert_false(allows(p, 0, 2, 3, 0, LWM2M_ACL_R));
	/* an entry for all others */
	set_acl(p, 1, 0, LWM2M_ACL_R);
	assert_true(allows(p, 0, 3, 3, 0, LWM2M_ACL_R));
	assert_false(allows(p, 0, 3, 3, 0, LWM2M_ACL_W));
	assert_false(allows(p, 0, 3, 3, 0, LWM2M_ACL_R | LWM2M_ACL_E));
	assert_true(allows(p, 1, 2, 3, 0, ALL));
	/* one's own comes before it, for the owner as well */
	set_acl(p, 1, 1, LWM2M_ACL_W | LWM2M_ACL_E);
	assert_false(allows(p, 0, 3, 3, 0, LWM2M_ACL_R));
	assert_true(allows(p, 0, 3, 3, 0, LWM2M_ACL_W | LWM2M_ACL_E));
	set_acl(p, 1, 2, 0);
	assert_false(allows(p, 1, 3, 3, 0, LWM2M_ACL_R));
	/* Create: the instance 65535 */
	add_aco(p, 2, 19, 65535, 65535);
	assert_false(allows(p, 0, 1, 19, 0, LWM2M_ACL_C));
	set_acl(p, 2, 1, LWM2M_ACL_C);
	assert_true(allows(p, 0, 1, 19, 0, LWM2M_ACL_C));
	assert_false(allows(p, 1, 1, 19, 0, LWM2M_ACL_C));
	/* a whole object may be asked for; what is in it is looked at one by one */
	assert_true(allows(p, 0, 1, 3, 0, LWM2M_ACL_R));
	/* object 2: everybody reads, the owner writes, nobody makes or deletes one */
	assert_true(allows(p, 0, 3, 2, 1, LWM2M_ACL_R));
	assert_false(allows(p, 0, 3, 2, 1, LWM2M_ACL_W));
	assert_true(allows(p, 1, 3, 2, 1, LWM2M_ACL_W));
	assert_false(allows(p, 1, 2, 2, 1, LWM2M_ACL_D));
	assert_false(allows(p, 1, 1, 2, 0, LWM2M_ACL_C));
}

static void test_one_server(void **state)
{
	struct pair *p = *state;
	const struct lwm2m_path second = lwm2m_path_at(2, 1, 1, 0, 0);

	add_aco(p, 0, 3, 0, 2);
	assert_false(allows(p, 0, 2, 3, 0, LWM2M_ACL_R));
	assert_int_equal(lwm2m_data_remove(p->shared.data, &second), 0);
	assert_true(allows(p, 0, 2, 3, 0, ALL));
	assert_true(allows(p, 0, 1, 19, 0, LWM2M_ACL_C));
	assert_false(allows(p, 0, 2, 0, 0, LWM2M_ACL_R));
}

/* over the wire: each operation asks, and says who and where */
static void test_operations(void **state)
{
	struct pair *p = *state;
	struct world *a = &p->w[0], *b = &p->w[1];
	struct coap_msg m;

	assert_int_equal(request(b, &m, REQUEST(COAP_GET, "1/0/1")), COAP_401_UNAUTHORIZED);
	expect_words(&m, "server 2 has no right to do this to /1/0/1");
	assert_int_equal(request(b, &m,
				 REQUEST(COAP_PUT, "1/0/1", .format = COAP_FORMAT_TEXT,
					 .payload = "60", .len = 2)),
			 COAP_401_UNAUTHORIZED);
	assert_int_equal(request(b, &m, REQUEST(COAP_POST, "1/0/8")), COAP_401_UNAUTHORIZED);
	assert_int_equal(request(b, &m, REQUEST(COAP_PUT, "1/0/1", .query = "pmin=10")),
			 COAP_401_UNAUTHORIZED);
	assert_int_equal(request(b, &m, REQUEST(COAP_GET, "1/0/1", .observe = 0)),
			 COAP_401_UNAUTHORIZED);
	assert_int_equal(request(b, &m, REQUEST(COAP_GET, "0/0/0")), COAP_401_UNAUTHORIZED);
	assert_int_equal(request(b, &m, REQUEST(COAP_GET, "21/0/0")), COAP_401_UNAUTHORIZED);
	assert_int_equal(lwm2m_data_int(p->shared.data, 1, 0, 1, 0), 300);
	/* Discover needs no right */
	assert_int_equal(request(b, &m, REQUEST(COAP_GET, "1/0", .accept = COAP_FORMAT_LINK)),
			 COAP_205_CONTENT);
	expect_words(&m, "</1/0/1>");
	/* the whole object: one's own instance only */
	assert_int_equal(request(b, &m, REQUEST(COAP_GET, "1", .accept = 11542)),
			 COAP_205_CONTENT);
	assert_int_equal(m.payload[0] & 0xc0, 0); /* an object instance TLV */
	assert_int_equal(m.payload[1], 1);
	assert_int_equal(request(a, &m, REQUEST(COAP_DELETE, "2/0")), COAP_404_NOT_FOUND);
	/* one's own */
	assert_int_equal(request(a, &m,
				 REQUEST(COAP_PUT, "1/0/1", .format = COAP_FORMAT_TEXT,
					 .payload = "60", .len = 2)),
			 COAP_204_CHANGED);
	assert_int_equal(lwm2m_data_int(p->shared.data, 1, 0, 1, 0), 60);
	assert_ptr_equal(p->by, a->c);
	assert_int_equal(p->last.id[0], 1);
}

/* owner of an access control instance: changes it, and passes it on */
static void test_owner_writes(void **state)
{
	struct pair *p = *state;
	struct world *a = &p->w[0], *b = &p->w[1];
	struct coap_msg m;

	add_aco(p, 0, 3, 0, 1);
	assert_int_equal(request(b, &m, REQUEST(COAP_GET, "3/0/13")), COAP_401_UNAUTHORIZED);
	assert_int_equal(request(b, &m,
				 REQUEST(COAP_PUT, "2/0/2/2", .format = COAP_FORMAT_TEXT,
					 .payload = "1", .len = 1)),
			 COAP_401_UNAUTHORIZED);
	assert_int_equal(request(a, &m,
				 REQUEST(COAP_PUT, "2/0/2/2", .format = COAP_FORMAT_TEXT,
					 .payload = "1", .len = 1)),
			 COAP_204_CHANGED);
	assert_int_equal(request(b, &m, REQUEST(COAP_GET, "3/0/13")), COAP_205_CONTENT);
	assert_int_equal(request(b, &m, REQUEST(COAP_GET, "2/0/3")), COAP_205_CONTENT);
	expect_payload(&m, "1", 1);
	assert_int_equal(request(a, &m,
				 REQUEST(COAP_PUT, "2/0/2/2", .format = COAP_FORMAT_TEXT,
					 .payload = "32", .len = 2)),
			 COAP_400_BAD_REQUEST);
	assert_int_equal(request(a, &m,
				 REQUEST(COAP_PUT, "2/0/3", .format = COAP_FORMAT_TEXT,
					 .payload = "7", .len = 1)),
			 COAP_400_BAD_REQUEST);
	expect_words(&m, "there is no server 7");
	assert_int_equal(request(a, &m,
				 REQUEST(COAP_PUT, "2/0/3", .format = COAP_FORMAT_TEXT,
					 .payload = "2", .len = 1)),
			 COAP_204_CHANGED);
	assert_int_equal(request(a, &m,
				 REQUEST(COAP_PUT, "2/0/2/2", .format = COAP_FORMAT_TEXT,
					 .payload = "3", .len = 1)),
			 COAP_401_UNAUTHORIZED);
}

static void test_created(void **state)
{
	struct pair *p = *state;
	struct lwm2m_data *d = p->shared.data;
	int32_t aco;

	assert_int_equal(lwm2m_acl_created(p->w[1].c, 19, 4), 0);
	aco = lwm2m_data_find(d, 2, INSTANCE, 4);
	assert_true(aco >= 0);
	assert_int_equal(lwm2m_data_int(d, 2, (uint16_t)aco, OBJECT, -1), 19);
	assert_int_equal(lwm2m_data_int(d, 2, (uint16_t)aco, OWNER, -1), 2);
	assert_true(allows(p, 1, 2, 19, 4, ALL));
	assert_false(allows(p, 0, 2, 19, 4, LWM2M_ACL_R));
	/* the number again, by the other server: it is the other server's */
	assert_int_equal(lwm2m_acl_created(p->w[0].c, 19, 4), 0);
	assert_false(allows(p, 1, 2, 19, 4, LWM2M_ACL_R));
	assert_int_equal(lwm2m_acl_deleted(p->w[0].c, 19, 4), 0);
	assert_int_equal(lwm2m_data_find(d, 2, INSTANCE, 4), -1);
	assert_int_equal(lwm2m_acl_deleted(p->w[0].c, 19, 4), 0);
	/* scripts: each server has its own, nothing to protect */
	assert_int_equal(lwm2m_acl_created(p->w[0].c, 26242, 3), 0);
	assert_int_equal(lwm2m_data_find(d, 2, OBJECT, 26242), -1);
}

static void test_server_gone(void **state)
{
	struct pair *p = *state;
	struct lwm2m_data *d = p->shared.data;

	/* owner 1; 5 may write and delete, 6 may write, 2 may read */
	add_aco(p, 0, 3, 0, 1);
	set_acl(p, 0, 1, 31);
	set_acl(p, 0, 6, LWM2M_ACL_W);
	set_acl(p, 0, 5, LWM2M_ACL_W | LWM2M_ACL_D);
	set_acl(p, 0, 2, LWM2M_ACL_R);
	set_acl(p, 0, 0, 31);
	/* owner 2: only the entry of 1 goes */
	add_aco(p, 1, 4, 0, 2);
	set_acl(p, 1, 1, 31);
	/* owner 1 and nobody else: it goes, and what it is about */
	assert_int_equal(lwm2m_data_add(d, 19, 4), 0);
	add_aco(p, 2, 19, 4, 1);
	set_acl(p, 2, 0, 31);
	assert_int_equal(lwm2m_acl_server_gone(d, 1), 0);
	assert_int_equal(lwm2m_data_int(d, 2, 0, OWNER, -1), 5);
	assert_int_equal(lwm2m_data_int(d, 2, 1, OWNER, -1), 2);
	assert_null(lwm2m_data_get(d, 2, 1, ACL));
	assert_false(lwm2m_data_has(d, 2, 2));
	assert_false(lwm2m_data_has(d, 19, 4));
	assert_false(lwm2m_data_in_transaction(d));
}

#define PAIR(f) cmocka_unit_test_setup_teardown(f, setup_pair, teardown_pair)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PAIR(test_rules),	 PAIR(test_one_server), PAIR(test_operations),
		PAIR(test_owner_writes), PAIR(test_created),	PAIR(test_server_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
