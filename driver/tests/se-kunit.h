/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KUnit where there is one; elsewhere (a kernel without CONFIG_KUNIT, or user
 * space) as much of it as these tests use, with a runner that prints KTAP.
 */
#ifndef SE_KUNIT_H
#define SE_KUNIT_H

#ifdef __KERNEL__
#include <linux/kconfig.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/string.h>
#if IS_ENABLED(CONFIG_KUNIT)
#define SE_KUNIT
#endif
#else
#include <stdio.h>
#include <string.h>
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif

#ifdef SE_KUNIT

#include <kunit/test.h>

#else

#ifdef __KERNEL__
#define se_kunit_print(fmt, ...)	pr_info(fmt "\n", ##__VA_ARGS__)
#else
#define se_kunit_print(fmt, ...)	((void)printf(fmt "\n", ##__VA_ARGS__))
#endif

struct kunit {
	const char *name;
	bool failed;
};

struct kunit_case {
	void (*run_case)(struct kunit *test);
	const char *name;
};

struct kunit_suite {
	const char *name;
	struct kunit_case *test_cases;
};

#define KUNIT_CASE(fn)		{ .run_case = fn, .name = #fn }

#define KUNIT_FAIL(test, fmt, ...)						\
do {										\
	(test)->failed = true;							\
	se_kunit_print("    # %s: failed at line %d: " fmt, (test)->name,	\
		       __LINE__, ##__VA_ARGS__);				\
} while (0)

#define KUNIT_EXPECT_TRUE_MSG(test, cond, fmt, ...)				\
do {										\
	if (!(cond))								\
		KUNIT_FAIL(test, #cond " is not so: " fmt, ##__VA_ARGS__);	\
} while (0)

#define KUNIT_EXPECT_TRUE(test, cond)	KUNIT_EXPECT_TRUE_MSG(test, cond, "%s", "")
#define KUNIT_EXPECT_FALSE(test, cond)	KUNIT_EXPECT_TRUE_MSG(test, !(cond), "%s", "")

#define KUNIT_EXPECT_EQ_MSG(test, left, right, fmt, ...)			\
do {										\
	long long __l = (long long)(left), __r = (long long)(right);		\
	if (__l != __r)								\
		KUNIT_FAIL(test, #left " is %lld, not %lld: " fmt,		\
			   __l, __r, ##__VA_ARGS__);				\
} while (0)

#define KUNIT_EXPECT_EQ(test, left, right) KUNIT_EXPECT_EQ_MSG(test, left, right, "%s", "")

/* failed cases of the suites; prints KTAP */
int se_kunit_run(struct kunit_suite *const suites[], size_t nr);

#endif /* SE_KUNIT */
#endif /* SE_KUNIT_H */
