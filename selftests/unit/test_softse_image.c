// SPDX-License-Identifier: Apache-2.0
/* Images: copied and compared only where they are cards; keys are never shown. */
#include <fcntl.h>
#include <sys/stat.h>

#include "softse/image.h"
#include "softse_bench.h"

struct place {
	struct bench *b;
	char dir[64], a[96], copy[96], out[96];
	struct card_profile p;
};

static int setup(void **state)
{
	struct place *w = calloc(1, sizeof(*w));

	w->b = calloc(1, sizeof(*w->b));
	strcpy(w->dir, "/tmp/softse-image-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->a, sizeof(w->a), "%s/a", w->dir);
	snprintf(w->copy, sizeof(w->copy), "%s/copy", w->dir);
	snprintf(w->out, sizeof(w->out), "%s/out", w->dir);
	snprintf(w->b->path, sizeof(w->b->path), "%s", w->a);
	card_profile_default(&w->p);
	bench_power_up(w->b);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct place *w = *state;

	card_exit(&w->b->card);
	unlink(w->a);
	unlink(w->copy);
	unlink(w->out);
	rmdir(w->dir);
	free(w->b);
	free(w);
	return 0;
}

/* image_compare() with what it prints in @text. */
static int compare(struct place *w, char *text, size_t room)
{
	int out = dup(1), fd = open(w->out, O_RDWR | O_CREAT | O_TRUNC, 0600), ret;
	ssize_t n;

	fflush(stdout);
	dup2(fd, 1);
	ret = image_compare(&w->p, w->a, w->copy);
	fflush(stdout);
	dup2(out, 1);
	close(out);
	n = pread(fd, text, room - 1, 0);
	close(fd);
	assert_true(n >= 0);
	text[n] = 0;
	return ret;
}

static void test_image(void **state)
{
	struct place *w = *state;
	struct stat st;
	char text[2048];
	int fd;

	assert_int_equal(image_copy(&w->p, w->a, w->copy), 0);
	assert_int_equal(stat(w->copy, &st), 0);
	assert_int_equal(st.st_mode & 077, 0);
	assert_int_equal(compare(w, text, sizeof(text)), 0);
	assert_string_equal(text, "");
	/* a session counts, a load file is new; whose line it is, and no key */
	session(w->b, ISD);
	cmd(w->b, "80E60200", "08" ELF "00000000", 0x9000);
	cmd(w->b, "80E88000", "C40568656C6C6F", 0x9000);
	assert_int_equal(compare(w, text, sizeof(text)), 1);
	assert_string_equal(text, "- key 30 01 ..\n"
				  "- elf f0534553414d4501 a000000151000000 ..\n"
				  "+ key 30 01 ..\n");
	/* one byte of the copy is another: no card, no comparison, no copy of it */
	fd = open(w->copy, O_RDWR);
	assert_int_equal(pwrite(fd, "7", 1, 21), 1);
	close(fd);
	assert_int_equal(compare(w, text, sizeof(text)), 1);
	assert_string_equal(text, "");
	assert_int_equal(image_copy(&w->p, w->copy, w->out), 1);
	assert_int_equal(image_copy(&w->p, "/nonexistent/state", w->out), 1);
	assert_int_equal(image_copy(&w->p, w->a, "/nonexistent/copy"), 1);
	assert_int_equal(image_reset(w->copy), 0);
	assert_int_equal(image_reset(w->copy), 0);
	assert_int_not_equal(access(w->copy, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_image, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
