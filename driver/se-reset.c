// SPDX-License-Identifier: GPL-2.0-only
/*
 * SE_IOC_RESET: a caller that waits, and what the worker tells it. The reset
 * itself is the link's business (se-recover.c).
 */
#include <linux/capability.h>
#include <linux/sched.h>

#include "se-chip.h"
#include "se-compat.h"
#include "se-session.h"

static int ask_locked(struct se_chip *chip, struct se_reset_request *request)
{
	if (chip->dead)
		return -ENODEV;
	if (!se_recover_wired(chip, request->level))
		return -EOPNOTSUPP;
	if (chip->reset)
		return -EBUSY;
	chip->reset = request;
	kthread_queue_work(chip->worker, &chip->work);
	return 0;
}

/*
 * Who has the SE for itself may reset it as well: nobody else's APDU is cut off.
 * But others may hang on the same supply.
 */
static int check_right(struct se_file *file, enum se_reset_level level, bool privileged)
{
	if (se_filter_forbids_locked(file, SE_FILTER_NO_RESET))
		return -EACCES;
	if (privileged || (level != SE_RESET_POWER && file->chip->owner == file))
		return 0;
	return -EPERM;
}

static int ask(struct se_file *file, struct se_reset_request *request)
{
	struct se_chip *chip = file->chip;
	bool privileged = capable(CAP_SYS_ADMIN);
	int ret;

	spin_lock_irq(&chip->lock);
	ret = check_right(file, request->level, privileged);
	if (!ret)
		ret = ask_locked(chip, request);
	spin_unlock_irq(&chip->lock);
	return ret;
}

/**
 * se_reset_post() - begin a reset and do not wait for it
 * @chip: the chip
 * @level: how hard
 * @ended: called by the worker when it has ended; not if the SE goes away before
 *
 * Return: 0, -ENODEV, -EOPNOTSUPP or -EBUSY.
 */
int se_reset_post(struct se_chip *chip, enum se_reset_level level,
		  void (*ended)(struct se_chip *chip, const struct se_reset_request *request))
{
	struct se_reset_request request = { .level = level, .ended = ended };
	int ret;

	spin_lock_irq(&chip->lock);
	ret = ask_locked(chip, &request);
	if (!ret) {
		chip->posted_reset = request;
		chip->reset = &chip->posted_reset;
	}
	spin_unlock_irq(&chip->lock);
	return ret;
}

static bool is_done(struct se_chip *chip, struct se_reset_request *request)
{
	bool done;

	spin_lock_irq(&chip->lock);
	if (chip->dead && !request->done) {
		request->done = true;
		request->error = -ENODEV;
		request->state = chip->state;
		request->generation = chip->generation;
	}
	done = request->done;
	spin_unlock_irq(&chip->lock);
	return done;
}

/**
 * se_reset_run() - SE_IOC_RESET
 * @file: open file
 * @reset: in and out
 *
 * Return: 0 or a negative errno. After 0, -EIO and -ETIMEDOUT the structure is to
 * be written back.
 */
int se_reset_run(struct se_file *file, struct se_reset *reset)
{
	struct se_chip *chip = file->chip;
	struct se_reset_request request = { .level = reset->level };
	u64 deadline = se_deadline(chip, reset->deadline_ns, 1);
	int ret;

	if (reset->flags || reset->reserved || reset->level > SE_RESET_POWER)
		return -EINVAL;
	ret = ask(file, &request);
	if (ret)
		return ret;
	ret = se_wait_until(chip->wait, is_done(chip, &request), deadline);

	spin_lock_irq(&chip->lock);
	if (chip->reset == &request)
		chip->reset = NULL;
	/* the end may have come with the deadline or the signal */
	if (request.done) {
		ret = request.error;
		reset->generation = request.generation;
		reset->state = request.state;
	} else {
		ret = ret == -ETIME ? -ETIMEDOUT : -EINTR;
		reset->generation = chip->generation;
		reset->state = chip->state;
	}
	spin_unlock_irq(&chip->lock);
	return ret;
}

/**
 * se_reset_wanted() - is there one that has not begun?
 * @chip: worker context
 * @level: out: how hard
 *
 * Return: true if there is.
 */
bool se_reset_wanted(struct se_chip *chip, enum se_reset_level *level)
{
	bool wanted;

	spin_lock_irq(&chip->lock);
	wanted = chip->reset && !chip->reset->begun;
	if (wanted)
		*level = chip->reset->level;
	spin_unlock_irq(&chip->lock);
	return wanted;
}

/**
 * se_reset_begun() - the link is at it
 * @chip: worker context
 * @level: of se_reset_wanted(). Its caller may have left since, and another one
 *	have come who wants something else
 */
void se_reset_begun(struct se_chip *chip, enum se_reset_level level)
{
	spin_lock_irq(&chip->lock);
	if (chip->reset && chip->reset->level == level)
		chip->reset->begun = true;
	spin_unlock_irq(&chip->lock);
}

/**
 * se_reset_done() - the SE is ready again, or will not be
 * @chip: worker context
 * @error: 0 or negative errno
 *
 * Does nothing if no reset has begun, or if its caller has left.
 */
void se_reset_done(struct se_chip *chip, int error)
{
	struct se_reset_request ended = { };
	bool tell = false;

	spin_lock_irq(&chip->lock);
	if (chip->reset && chip->reset->begun) {
		chip->reset->error = error;
		/* now: others go on before the caller is awake */
		chip->reset->state = chip->state;
		chip->reset->generation = chip->generation;
		chip->reset->done = true;
		ended = *chip->reset;
		chip->reset = NULL;
		tell = true;
	}
	spin_unlock_irq(&chip->lock);
	if (tell)
		wake_up_all(&chip->wait);
	if (ended.ended)
		ended.ended(chip, &ended);
}
