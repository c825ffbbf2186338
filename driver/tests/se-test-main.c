// SPDX-License-Identifier: GPL-2.0-only
/* The suites of the T=1 engine: a KUnit module, or a program. */
#include "se-t1-testlib.h"

#ifdef SE_KUNIT

kunit_test_suites(&se_edc_suite, &se_t1_annex_suite, &se_t1_rule_suite, &se_t1_link_suite,
		  &se_t1_param_suite);

#else

static struct kunit_suite *const suites[] = {
	&se_edc_suite, &se_t1_annex_suite, &se_t1_rule_suite, &se_t1_link_suite,
	&se_t1_param_suite,
};

#define SUITES	(ARRAY_SIZE(suites))

static int run_suite(struct kunit_suite *suite, size_t nr)
{
	struct kunit_case *c;
	size_t n = 0;
	int failed = 0;

	for (c = suite->test_cases; c->run_case; c++)
		n++;
	se_kunit_print("    KTAP version 1");
	se_kunit_print("    # Subtest: %s", suite->name);
	se_kunit_print("    1..%zu", n);
	n = 0;
	for (c = suite->test_cases; c->run_case; c++) {
		struct kunit test = { .name = c->name };

		c->run_case(&test);
		failed += test.failed;
		se_kunit_print("    %s %zu %s", test.failed ? "not ok" : "ok", ++n, c->name);
	}
	se_kunit_print("%s %zu %s", failed ? "not ok" : "ok", nr, suite->name);
	return failed;
}

int se_kunit_run(struct kunit_suite *const list[], size_t nr)
{
	int failed = 0;
	size_t i;

	se_kunit_print("KTAP version 1");
	se_kunit_print("1..%zu", nr);
	for (i = 0; i < nr; i++)
		failed += run_suite(list[i], i + 1);
	return failed;
}

#ifdef __KERNEL__
/* loads only if every test passes */
static int __init se_test_init(void)
{
	return se_kunit_run(suites, ARRAY_SIZE(suites)) ? -EINVAL : 0;
}

static void __exit se_test_exit(void)
{
}

module_init(se_test_init);
module_exit(se_test_exit);
#else
int main(void)
{
	return se_kunit_run(suites, ARRAY_SIZE(suites)) ? 1 : 0;
}
#endif

#endif /* SE_KUNIT */

#ifdef __KERNEL__
MODULE_DESCRIPTION("Secure elements: tests of the T=1 engine");
MODULE_LICENSE("GPL");
#endif
