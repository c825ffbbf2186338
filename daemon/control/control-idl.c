// SPDX-License-Identifier: Apache-2.0
/* io.sesame.Manager as data: what org.varlink.service.GetInterfaceDescription gives. */
#include "control/control.h"

/* Laid out as the interface reads. clang-format would not. */
/* clang-format off */

#define C(text)			SD_VARLINK_FIELD_COMMENT(text)
#define F(name, type)		SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_##type, 0)
#define F_MAYBE(name, type)	SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_##type, SD_VARLINK_NULLABLE)
#define IN(name, type)		SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_##type, 0)
#define IN_MAYBE(name, type)	SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_##type, SD_VARLINK_NULLABLE)
#define OUT(name, type)		SD_VARLINK_DEFINE_OUTPUT(name, SD_VARLINK_##type, 0)
#define OUT_MAYBE(name, type) \
	SD_VARLINK_DEFINE_OUTPUT(name, SD_VARLINK_##type, SD_VARLINK_NULLABLE)
#define OUT_ARRAY(name, type)	SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(name, type, SD_VARLINK_ARRAY)

static SD_VARLINK_DEFINE_STRUCT_TYPE(
	Element,
	C("Name that jobs use, e.g. se0"), F(name, STRING),
	C("eSE, iSE, uicc, euicc or ieuicc"), F(type, STRING),
	C("How libse opens it"), F(open, STRING),
	C("off, idle, busy, recovering or dead"), F(state, STRING),
	F(dialect, STRING),
	C("Moves each time the SE may have lost its volatile state"), F(generation, INT),
	F(ifsc, INT), F(ifsd, INT),
	C("Block waiting time, microseconds"), F(bwtUs, INT),
	C("irq or poll"), F(irqMode, STRING),
	F(clockHz, INT),
	C("Communication interface parameters, hex"), F(cip, STRING),
	C("Why it cannot be read, if so"), F_MAYBE(error, STRING));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
	Job,
	F(id, INT),
	C("ID-RUN"), F(name, STRING),
	C("Who made it: lwm2m:NAME or control:UID"), F(origin, STRING),
	C("The origin's own number for it"), F_MAYBE(slot, INT),
	F(se, STRING),
	C("Hex, empty for the default application"), F(aid, STRING),
	C("idle, queued, running, done, failed, unknown, cancelled or expired"), F(state, STRING),
	C("Short result, e.g. ok, status-word, channel-lost"), F(code, STRING),
	C("The same in words"), F(detail, STRING),
	F(executed, INT), F(total, INT),
	C("Status word of the last executed APDU, hex"), F(lastSw, STRING),
	C("Of the APDU at which it ended early: not-sent, executed or unknown"),
	F(interrupted, STRING),
	F(scriptLength, INT), F(resultLength, INT),
	C("Status word of SELECT, hex; empty if a kept channel was used"), F(selectSw, STRING),
	F(selectResponse, STRING),
	F(generation, INT),
	F(keepChannel, BOOL), F(token, INT),
	C("Seconds, 0 for none"), F(deadline, INT),
	C("Milliseconds since 1970, 0 if not yet"), F(created, INT), F(started, INT),
	F(ended, INT));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
	Apdu,
	F(index, INT),
	C("CLA INS P1 P2, hex; payload is not shown"), F(header, STRING),
	F(commandLength, INT), F(responseLength, INT), F(sw, STRING),
	C("not-sent, executed or unknown"), F(outcome, STRING),
	C("Waiting time extensions"), F(wtx, INT),
	F(wireNs, INT), F(totalNs, INT));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
	Server,
	F(name, STRING), F(uri, STRING), F(state, STRING), F(version, STRING),
	F(location, STRING), F(error, STRING), F(observations, INT), F(attempts, INT));

static SD_VARLINK_DEFINE_METHOD(ListElements, OUT_ARRAY(elements, Element));

static SD_VARLINK_DEFINE_METHOD(
	ListJobs, C("Only this origin's"), IN_MAYBE(origin, STRING), OUT_ARRAY(jobs, Job));

static SD_VARLINK_DEFINE_METHOD(
	GetJob, IN(id, INT),
	SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(job, Job, 0), OUT_ARRAY(apdus, Apdu),
	C("Response script, base64; null before the end"), OUT_MAYBE(response, STRING));

static SD_VARLINK_DEFINE_METHOD(
	RunScript,
	IN(se, STRING),
	C("Hex; default application if left out"), IN_MAYBE(aid, STRING),
	C("TS 102 226 command script, base64"), IN(script, STRING),
	C("Compact rather than expanded format"), IN_MAYBE(compact, BOOL),
	C("Leave the channel open for the next script with this token"),
	IN_MAYBE(keepChannel, BOOL), IN_MAYBE(token, INT),
	C("Seconds"), IN_MAYBE(deadline, INT),
	C("The job; it is in the journal, follow it with MonitorJob"), OUT(id, INT));

static SD_VARLINK_DEFINE_METHOD_FULL(
	MonitorJob, SD_VARLINK_REQUIRES_MORE,
	IN(id, INT), SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(job, Job, 0));

static SD_VARLINK_DEFINE_METHOD(CancelJob, IN(id, INT));

static SD_VARLINK_DEFINE_METHOD(AckJob, IN(id, INT));

static SD_VARLINK_DEFINE_METHOD(
	GetStatus, OUT(version, STRING), OUT(elements, INT), OUT(jobs, INT),
	C("Jobs queued or running"), OUT(active, INT), OUT_ARRAY(servers, Server));

static SD_VARLINK_DEFINE_ERROR(NoSuchElement, F(se, STRING));
static SD_VARLINK_DEFINE_ERROR(NoSuchJob, F(id, INT));
static SD_VARLINK_DEFINE_ERROR(Refused, F(code, STRING), F(detail, STRING));
static SD_VARLINK_DEFINE_ERROR(StorageFull, F(code, STRING), F(detail, STRING));

SD_VARLINK_DEFINE_INTERFACE(
	io_sesame_Manager, CONTROL_INTERFACE,
	SD_VARLINK_INTERFACE_COMMENT("Secure elements and the jobs on them"),
	&vl_type_Element, &vl_type_Job, &vl_type_Apdu, &vl_type_Server,
	SD_VARLINK_SYMBOL_COMMENT("The secure elements that jobs can use"),
	&vl_method_ListElements,
	SD_VARLINK_SYMBOL_COMMENT("The journal, in order of creation"),
	&vl_method_ListJobs,
	SD_VARLINK_SYMBOL_COMMENT("One job with its APDUs and its response script"),
	&vl_method_GetJob,
	SD_VARLINK_SYMBOL_COMMENT("Queue a script; durable once answered"),
	&vl_method_RunScript,
	SD_VARLINK_SYMBOL_COMMENT("Progress, until the job has ended"),
	&vl_method_MonitorJob,
	SD_VARLINK_SYMBOL_COMMENT("Stop between two APDUs"),
	&vl_method_CancelJob,
	SD_VARLINK_SYMBOL_COMMENT("The result was taken: forget it; a job made by RunScript goes"),
	&vl_method_AckJob,
	SD_VARLINK_SYMBOL_COMMENT("The daemon and its management servers"),
	&vl_method_GetStatus,
	SD_VARLINK_SYMBOL_COMMENT("There is no secure element of this name"),
	&vl_error_NoSuchElement,
	SD_VARLINK_SYMBOL_COMMENT("There is no job of this number"),
	&vl_error_NoSuchJob,
	SD_VARLINK_SYMBOL_COMMENT("It cannot be done now, or not at all; code and detail say why"),
	&vl_error_Refused,
	SD_VARLINK_SYMBOL_COMMENT("The disk under the journal is full; nothing was sent"),
	&vl_error_StorageFull);
