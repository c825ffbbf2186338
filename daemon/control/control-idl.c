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
	C("script or plan"), F(kind, STRING),
	C("What its run does: forward, resume or rollback"), F(mode, STRING),
	C("There is a record of what its runs changed: RollbackJob is possible"),
	F(resumable, BOOL),
	C("Key set instead of the plan's first one"), F(keySet, STRING),
	C("Who made it: lwm2m:NAME, dm:SERVER or control:UID"), F(origin, STRING),
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
	C("Response script, base64; null before the end, and of a plan"),
	OUT_MAYBE(response, STRING),
	C("Result of a plan: state, steps, card; null before the end, and of a script"),
	OUT_MAYBE(result, OBJECT));

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

static SD_VARLINK_DEFINE_METHOD(
	RunPlan,
	IN(se, STRING),
	C("Card content management plan, version 1; load files in it, not by name"),
	IN(plan, OBJECT),
	C("Key set to use instead of that of the plan's first session"),
	IN_MAYBE(keySet, STRING),
	C("Seconds"), IN_MAYBE(deadline, INT),
	C("Although the last authentication with this card failed or has no known end"),
	IN_MAYBE(retryAuthentication, BOOL),
	C("The job; it is in the journal, follow it with MonitorJob"), OUT(id, INT));

static SD_VARLINK_DEFINE_METHOD(
	ShowPlan, IN(plan, OBJECT),
	C("Its steps and their commands, with placeholders for what the secure channel adds"),
	OUT(shown, OBJECT));

static SD_VARLINK_DEFINE_METHOD(
	ResumeJob, IN(id, INT), IN_MAYBE(retryAuthentication, BOOL));

static SD_VARLINK_DEFINE_METHOD(
	RollbackJob, IN(id, INT), IN_MAYBE(retryAuthentication, BOOL));

static SD_VARLINK_DEFINE_METHOD(
	ListApplications,
	IN(se, STRING),
	C("Security domain, hex; the default application if left out"), IN_MAYBE(sd, STRING),
	C("Key set of the secure channel; none if left out"), IN_MAYBE(keySet, STRING),
	C("Seconds"), IN_MAYBE(deadline, INT),
	IN_MAYBE(retryAuthentication, BOOL),
	C("As the result of a plan with one step; the registry is the data of that"),
	OUT(result, OBJECT));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
	CardItem,
	C("Tag of GET DATA, 4 hex digits"), F(tag, STRING),
	C("Status word, hex"), F(sw, STRING),
	C("Response data, hex"), F(data, STRING));

static SD_VARLINK_DEFINE_METHOD(
	GetCard,
	IN(se, STRING),
	C("Application to ask, hex; the default one if left out"), IN_MAYBE(aid, STRING),
	OUT_ARRAY(items, CardItem));

static SD_VARLINK_DEFINE_METHOD(
	ResetElement,
	IN(se, STRING),
	C("resynch, soft, line or power; the best there is if left out"),
	IN_MAYBE(level, STRING),
	C("What was done"), OUT(level, STRING));

static SD_VARLINK_DEFINE_METHOD(
	GetStats,
	IN(se, STRING),
	C("Counters of the driver by name; all 0 where there is no driver"),
	OUT(counters, OBJECT),
	C("total, wire, think and queue: each sumNs and 32 buckets, powers of 2 microseconds"),
	OUT(histograms, OBJECT));

static SD_VARLINK_DEFINE_METHOD_FULL(
	MonitorElements, SD_VARLINK_REQUIRES_MORE,
	C("present (at the beginning), added, removed, found, lost, generation, state, irq-mode"),
	OUT(event, STRING),
	SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(element, Element, 0));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
	KeySet,
	F(name, STRING),
	C("file, credential, pkcs11 or default"), F(kind, STRING));

static SD_VARLINK_DEFINE_METHOD(ListKeySets, OUT_ARRAY(keySets, KeySet));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
	Attempt,
	C("Name of the entry"), F(file, STRING),
	C("What identifies the chip, hex"), F(card, STRING),
	C("Security domain, hex; empty if it is not known"), F(sd, STRING),
	C("Key version number"), F(kvn, INT),
	C("success, failed, unknown or corrupt"), F(state, STRING),
	C("Since the last one that succeeded"), F(attempts, INT),
	C("One is under way right now"), F(running, BOOL),
	C("Of the last one, seconds since 1970"), F(time, INT),
	C("Who made it"), F(program, STRING));

static SD_VARLINK_DEFINE_METHOD(ListAttempts, OUT_ARRAY(attempts, Attempt));

static SD_VARLINK_DEFINE_METHOD(
	ForgetAttempts,
	C("Name of an entry, or the beginning of several, such as a card"), IN(file, STRING),
	OUT(forgotten, INT));

static SD_VARLINK_DEFINE_METHOD_FULL(
	MonitorJob, SD_VARLINK_REQUIRES_MORE,
	IN(id, INT), SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(job, Job, 0));

static SD_VARLINK_DEFINE_METHOD(CancelJob, IN(id, INT));

static SD_VARLINK_DEFINE_METHOD(AckJob, IN(id, INT));

static SD_VARLINK_DEFINE_METHOD(
	UpdateServer,
	C("Name of the server; all of them without it"), SD_VARLINK_DEFINE_INPUT(server, SD_VARLINK_STRING, SD_VARLINK_NULLABLE));

static SD_VARLINK_DEFINE_METHOD(
	Send,
	C("Name of the management server; without it all of them"), IN_MAYBE(server, STRING),
	C("Objects, instances or resources, e.g. /26241/0"),
	SD_VARLINK_DEFINE_INPUT(paths, SD_VARLINK_STRING, SD_VARLINK_ARRAY),
	C("If the server is not there now, when it is"), IN_MAYBE(keep, BOOL));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
	DmAccount,
	C("Name of the account: the node below ./DMAcc"), F(name, STRING),
	F(serverId, STRING), F(uri, STRING),
	C("unusable, idle, queued, running or waiting (to try again)"), F(state, STRING),
	C("That ended well, since the start"), F(sessions, INT),
	C("Sessions in a row that did not"), F(failures, INT),
	C("Alerts that wait for the server"), F(alerts, INT),
	C("Of the last session that ended well, seconds since 1970; 0: none"), F(last, INT),
	C("Seconds to the next session, if one is planned"), F_MAYBE(next, INT),
	C("Of the last session, empty if it ended well"), F(error, STRING));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
	DmPort,
	C("udp (a WAP push, or the bare message) or coap"), F(protocol, STRING), F(port, INT),
	C("Of this machine"), F(address, STRING), F(open, BOOL),
	C("Seconds until it is tried again, where it is not open"), F_MAYBE(next, INT),
	C("Why it is not, or empty"), F(error, STRING));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
	DmQuestion,
	F(id, INT), C("The account's name"), F(account, STRING),
	C("display, confirm, text, choice or choices"), F(kind, STRING), F(text, STRING),
	SD_VARLINK_DEFINE_FIELD(choices, SD_VARLINK_STRING, SD_VARLINK_ARRAY),
	C("What counts if nobody answers; choices as numbers, 1-3"), F_MAYBE(suggestion, STRING),
	C("Seconds for the answer"), F(seconds, INT),
	C("Seconds that it is to be shown at least"), F(minimum, INT),
	C("Characters"), F_MAYBE(maxLength, INT),
	C("A(lphanumeric), N(umeric), D(ate), T(ime), P(hone number), I(P address)"),
	F(input, STRING),
	C("What is typed is not to be shown"), F(secret, BOOL));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
	DmNode,
	F(uri, STRING),
	C("node, chr, int, bool, bin, xml, …"), F(format, STRING), F_MAYBE(type, STRING),
	C("Bytes of its value"), F_MAYBE(size, INT),
	C("Where it is text and short"), F_MAYBE(value, STRING),
	C("Where it is none and short, base64"), F_MAYBE(data, STRING));

static SD_VARLINK_DEFINE_METHOD(ListDmAccounts, OUT_ARRAY(accounts, DmAccount));

static SD_VARLINK_DEFINE_METHOD(ListDmPorts, OUT_ARRAY(ports, DmPort));

static SD_VARLINK_DEFINE_METHOD(
	GetDmQuestion, C("Left out: none waits"),
	SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(question, DmQuestion, SD_VARLINK_NULLABLE));

static SD_VARLINK_DEFINE_METHOD(
	AnswerDmQuestion, IN(id, INT), C("ok, no (to confirm) or cancel"), IN(answer, STRING),
	C("With ok: the text, or the numbers of choices, 1-3"), IN_MAYBE(value, STRING));

static SD_VARLINK_DEFINE_METHOD(
	StartDmSession, C("Name of the account, or identifier of its server"), IN(account, STRING));

static SD_VARLINK_DEFINE_METHOD(
	NotifyDm, C("Package 0, plain or with the header of a WAP push, base64"),
	IN(message, STRING));

static SD_VARLINK_DEFINE_METHOD(
	ShowDmTree, C("Where to begin; the root if left out"), IN_MAYBE(uri, STRING),
	C("Parents before their children; what no server may read is left out"),
	OUT_ARRAY(nodes, DmNode));

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
	&vl_type_Element, &vl_type_Job, &vl_type_Apdu, &vl_type_Server, &vl_type_CardItem,
	&vl_type_KeySet, &vl_type_Attempt, &vl_type_DmAccount, &vl_type_DmPort, &vl_type_DmQuestion,
	&vl_type_DmNode,
	SD_VARLINK_SYMBOL_COMMENT("The secure elements that jobs can use"),
	&vl_method_ListElements,
	SD_VARLINK_SYMBOL_COMMENT("The journal, in order of creation"),
	&vl_method_ListJobs,
	SD_VARLINK_SYMBOL_COMMENT("One job with its APDUs and its response script"),
	&vl_method_GetJob,
	SD_VARLINK_SYMBOL_COMMENT("Queue a script; durable once answered"),
	&vl_method_RunScript,
	SD_VARLINK_SYMBOL_COMMENT("Queue a plan; durable once answered. What policy forbids, or what"
				  " is no plan, is refused here"),
	&vl_method_RunPlan,
	SD_VARLINK_SYMBOL_COMMENT("Dry run of a plan, on no card and without keys"),
	&vl_method_ShowPlan,
	SD_VARLINK_SYMBOL_COMMENT("Run a plan's job again: read the card, do what is missing"),
	&vl_method_ResumeJob,
	SD_VARLINK_SYMBOL_COMMENT("Read the card, undo what the runs of this plan have changed"),
	&vl_method_RollbackJob,
	SD_VARLINK_SYMBOL_COMMENT("The registry of a card; answered when it was read"),
	&vl_method_ListApplications,
	SD_VARLINK_SYMBOL_COMMENT("What a card tells of itself without keys, in GET DATA's coding"),
	&vl_method_GetCard,
	SD_VARLINK_SYMBOL_COMMENT("Reset a secure element, between two jobs; for root and the"
				  " daemon's user"),
	&vl_method_ResetElement,
	SD_VARLINK_SYMBOL_COMMENT("Counters of a secure element"),
	&vl_method_GetStats,
	SD_VARLINK_SYMBOL_COMMENT("What happens to the secure elements, until the caller hangs up"),
	&vl_method_MonitorElements,
	SD_VARLINK_SYMBOL_COMMENT("The key sets that plans may name; never a key"),
	&vl_method_ListKeySets,
	SD_VARLINK_SYMBOL_COMMENT("Authentications that did not succeed, by card"),
	&vl_method_ListAttempts,
	SD_VARLINK_SYMBOL_COMMENT("Allow further ones; for root and the daemon's user"),
	&vl_method_ForgetAttempts,
	SD_VARLINK_SYMBOL_COMMENT("Progress, until the job has ended"),
	&vl_method_MonitorJob,
	SD_VARLINK_SYMBOL_COMMENT("Stop between two APDUs"),
	&vl_method_CancelJob,
	SD_VARLINK_SYMBOL_COMMENT("The result was taken: forget it; a job made by RunScript goes"),
	&vl_method_AckJob,
	SD_VARLINK_SYMBOL_COMMENT("Tell a management server values that it has not asked for"),
	&vl_method_Send,
	SD_VARLINK_SYMBOL_COMMENT("Tell a management server that the device is there: an Update now"),
	&vl_method_UpdateServer,
	SD_VARLINK_SYMBOL_COMMENT("OMA DM servers and how it goes with them"),
	&vl_method_ListDmAccounts,
	SD_VARLINK_SYMBOL_COMMENT("The ports that notifications of OMA DM servers arrive on"),
	&vl_method_ListDmPorts,
	SD_VARLINK_SYMBOL_COMMENT("What an OMA DM server wants to show or to ask; it is asked only"
				  " while somebody looks, every 15 seconds at least. For root and"
				  " the daemon's user"),
	&vl_method_GetDmQuestion,
	SD_VARLINK_SYMBOL_COMMENT("The answer; the session goes on. For root and the daemon's user"),
	&vl_method_AnswerDmQuestion,
	SD_VARLINK_SYMBOL_COMMENT("Begin a session with an OMA DM server now"),
	&vl_method_StartDmSession,
	SD_VARLINK_SYMBOL_COMMENT("Hand in a notification of an OMA DM server; it is checked as any"
				  " other"),
	&vl_method_NotifyDm,
	SD_VARLINK_SYMBOL_COMMENT("The OMA DM management tree; for root and the daemon's user"),
	&vl_method_ShowDmTree,
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
