// SPDX-License-Identifier: Apache-2.0
/*
 * Commands, tags and status words in words. GPCS 2.3.1 gives status words per
 * command (tables of 11.x.3.2); the general ones are table 11-10.
 */
#include "gp/cmd.h"

#define ANY 0

const char *gp_cmd_name(uint8_t ins, uint8_t p1)
{
	static const struct {
		uint8_t ins;
		const char *name;
	} names[] = {
		{GP_INS_INITIALIZE_UPDATE, "INITIALIZE UPDATE"},
		{GP_INS_MANAGE_CHANNEL, "MANAGE CHANNEL"},
		{GP_INS_END_RMAC, "END R-MAC SESSION"},
		{GP_INS_BEGIN_RMAC, "BEGIN R-MAC SESSION"},
		{GP_INS_EXTERNAL_AUTHENTICATE, "EXTERNAL AUTHENTICATE"},
		{GP_INS_INTERNAL_AUTHENTICATE, "INTERNAL AUTHENTICATE"},
		{GP_INS_PERFORM_SECURITY_OPERATION, "PERFORM SECURITY OPERATION"},
		{GP_INS_SELECT, "SELECT"},
		{GP_INS_GET_DATA, "GET DATA"},
		{GP_INS_GET_DATA_ODD, "GET DATA"},
		{GP_INS_PUT_KEY, "PUT KEY"},
		{GP_INS_STORE_DATA, "STORE DATA"},
		{GP_INS_DELETE, "DELETE"},
		{GP_INS_LOAD, "LOAD"},
		{GP_INS_SET_STATUS, "SET STATUS"},
		{GP_INS_GET_STATUS, "GET STATUS"},
	};

	if (ins == GP_INS_INSTALL) {
		switch (p1 & ~GP_P1_MORE) {
		case GP_INSTALL_LOAD:
			return "INSTALL [for load]";
		case GP_INSTALL_INSTALL:
			return "INSTALL [for install]";
		case GP_INSTALL_INSTALL | GP_INSTALL_MAKE_SELECTABLE:
			return "INSTALL [for install and make selectable]";
		case GP_INSTALL_MAKE_SELECTABLE:
			return "INSTALL [for make selectable]";
		case GP_INSTALL_EXTRADITION:
			return "INSTALL [for extradition]";
		case GP_INSTALL_REGISTRY_UPDATE:
			return "INSTALL [for registry update]";
		case GP_INSTALL_PERSONALIZATION:
			return "INSTALL [for personalization]";
		case GP_INSTALL_LOAD | GP_INSTALL_INSTALL | GP_INSTALL_MAKE_SELECTABLE:
			return "INSTALL [for load, install and make selectable]";
		default:
			return "INSTALL";
		}
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].ins == ins)
			return names[i].name;
	return "";
}

const char *gp_data_name(uint16_t tag)
{
	static const struct {
		uint16_t tag;
		const char *name;
	} names[] = {
		{GP_DATA_IIN, "issuer identification number"},
		{GP_DATA_CIN, "card image number"},
		{GP_DATA_RECOGNITION, "card recognition data"},
		{GP_DATA_CAPABILITY, "card capability information"},
		{GP_DATA_SEQUENCE, "sequence counter of the default key version"},
		{GP_DATA_CONFIRMATIONS, "confirmation counter"},
		{GP_DATA_KDD, "key diversification data"},
		{GP_DATA_SECURITY_LEVEL, "current security level"},
		{GP_DATA_KEYS, "key information template"},
		{GP_DATA_APPLICATIONS, "list of applications"},
		{GP_DATA_MANAGER_URL, "security domain manager URL"},
		{GP_DATA_CPLC, "card production life cycle data"},
		{GP_DATA_CERTIFICATES, "certificate store"},
		{GP_DATA_RESOURCES, "card resources"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].tag == tag)
			return names[i].name;
	return "";
}

/*
 * The first row that fits counts: of one command and form, of one command, of
 * all. A form is a bit of P1.
 */
static const struct {
	uint8_t ins;
	uint8_t p1;
	uint16_t sw;
	const char *words;
} sws[] = {
	{GP_INS_SELECT, ANY, 0x6283, "selected, but the card is locked"},
	{GP_INS_SELECT, ANY, 0x6985, "the application is not selectable or is locked"},
	{GP_INS_SELECT, ANY, 0x6999, "the application refuses to be selected"},
	{GP_INS_SELECT, ANY, 0x6a82, "no application with that AID"},
	{GP_INS_MANAGE_CHANNEL, ANY, 0x6200, "the logical channel is closed already"},
	{GP_INS_MANAGE_CHANNEL, ANY, 0x6a81, "no more logical channels"},

	{GP_INS_INITIALIZE_UPDATE, ANY, 0x6982,
	 "refused: keys blocked after failed authentications, or not allowed now"},
	{GP_INS_INITIALIZE_UPDATE, ANY, 0x6983, "keys blocked after failed authentications"},
	{GP_INS_INITIALIZE_UPDATE, ANY, 0x6985, "the sequence counter is used up"},
	{GP_INS_INITIALIZE_UPDATE, ANY, 0x6a88, "no key set with that version"},
	{GP_INS_EXTERNAL_AUTHENTICATE, ANY, 0x6300, "the host cryptogram is wrong"},
	{GP_INS_EXTERNAL_AUTHENTICATE, ANY, 0x6982, "the MAC or the cryptogram is wrong"},
	{GP_INS_EXTERNAL_AUTHENTICATE, ANY, 0x6985,
	 "no INITIALIZE UPDATE went before, or the session is over"},
	{GP_INS_PERFORM_SECURITY_OPERATION, ANY, 0x6600, "the certificate is not accepted"},
	{GP_INS_PERFORM_SECURITY_OPERATION, ANY, 0x6640, "the certificate is not accepted"},

	{GP_INS_INSTALL, GP_INSTALL_LOAD, 0x6985,
	 "a load file or application with that AID is there, or loading is not allowed "
	 "without a token"},
	{GP_INS_INSTALL, GP_INSTALL_LOAD, 0x6a80,
	 "wrong fields: AID, hash (needed with a token or DAP), parameters, or AID in use"},
	{GP_INS_INSTALL, GP_INSTALL_LOAD, 0x6a84, "not enough memory for the load file"},
	{GP_INS_INSTALL, GP_INSTALL_LOAD, 0x6a88, "no security domain with that AID"},
	{GP_INS_INSTALL, GP_INSTALL_EXTRADITION, 0x6985,
	 "the domains do not agree to the extradition, the object is already there, or a token "
	 "is needed"},
	{GP_INS_INSTALL, GP_INSTALL_EXTRADITION, 0x6a88,
	 "no such application, load file or security domain"},
	{GP_INS_INSTALL, GP_INSTALL_REGISTRY_UPDATE, 0x6a80,
	 "wrong fields, or privileges that cannot be given"},
	{GP_INS_INSTALL, GP_INSTALL_REGISTRY_UPDATE, 0x6a88, "no such application or domain"},
	{GP_INS_INSTALL, GP_INSTALL_PERSONALIZATION, 0x6985,
	 "the application cannot be personalized now"},
	{GP_INS_INSTALL, GP_INSTALL_PERSONALIZATION, 0x6a88,
	 "no such application in this security domain"},
	{GP_INS_INSTALL, GP_INSTALL_INSTALL, 0x6985,
	 "an application with that AID is there, its own install() refused, or a token is "
	 "needed"},
	{GP_INS_INSTALL, GP_INSTALL_INSTALL, 0x6a80,
	 "wrong fields: module, AID in use, privileges, or parameters that the application "
	 "refuses"},
	{GP_INS_INSTALL, GP_INSTALL_INSTALL, 0x6a84, "not enough memory for the application"},
	{GP_INS_INSTALL, GP_INSTALL_INSTALL, 0x6a88, "no such load file or module"},
	{GP_INS_INSTALL, GP_INSTALL_MAKE_SELECTABLE, 0x6985,
	 "the application is selectable already, has a privilege that another one holds, or a "
	 "token is needed"},
	{GP_INS_INSTALL, GP_INSTALL_MAKE_SELECTABLE, 0x6a88, "no such application"},
	{GP_INS_INSTALL, ANY, 0x6581, "writing failed: memory of the card is damaged or full"},
	{GP_INS_INSTALL, ANY, 0x6982, "not allowed in this session, or the token is wrong"},
	{GP_INS_INSTALL, ANY, 0x6a86,
	 "this form of INSTALL, or more commands, is not supported"},
	{GP_INS_INSTALL, ANY, 0x9484, "the token's or key's algorithm is not supported"},
	{GP_INS_INSTALL, ANY, 0x9485, "the token is wrong"},

	{GP_INS_LOAD, ANY, 0x6581, "writing failed: memory of the card is damaged or full"},
	{GP_INS_LOAD, ANY, 0x6985,
	 "no INSTALL [for load] went before, or the file needs packages that are not there"},
	{GP_INS_LOAD, ANY, 0x6a80, "the load file is malformed, or its hash or DAP is wrong"},
	{GP_INS_LOAD, ANY, 0x6a84, "not enough memory for the load file"},
	{GP_INS_LOAD, ANY, 0x6a86, "wrong block number"},
	{GP_INS_LOAD, ANY, 0x6a88, "the file needs a package or key that is not there"},

	{GP_INS_DELETE, ANY, 0x6200, "deleted from the registry, its memory is not free yet"},
	{GP_INS_DELETE, ANY, 0x6581, "writing failed: memory of the card is damaged"},
	{GP_INS_DELETE, ANY, 0x6982, "not allowed in this session, or the token is wrong"},
	{GP_INS_DELETE, ANY, 0x6985, "it is in use, others depend on it, or a token is needed"},
	{GP_INS_DELETE, ANY, 0x6a80, "wrong fields: AID, key numbers or token"},
	{GP_INS_DELETE, ANY, 0x6a82, "no object with that AID"},
	{GP_INS_DELETE, ANY, 0x6a86, "deleting related objects is not supported"},
	{GP_INS_DELETE, ANY, 0x6a88, "no such object or key"},

	{GP_INS_GET_STATUS, ANY, 0x6310, "more entries to come"},
	{GP_INS_GET_STATUS, ANY, 0x6a80, "wrong search criteria or tag list"},
	{GP_INS_GET_STATUS, ANY, 0x6a86, "this list or form is not supported"},
	{GP_INS_GET_STATUS, ANY, 0x6a88, "no entry fits"},
	{GP_INS_SET_STATUS, ANY, 0x6985,
	 "not from this state, or the security domain lacks the privilege"},
	{GP_INS_SET_STATUS, ANY, 0x6a80, "wrong state or AID"},
	{GP_INS_SET_STATUS, ANY, 0x6a88, "no application with that AID"},

	{GP_INS_PUT_KEY, ANY, 0x6581, "writing failed: memory of the card is damaged or full"},
	{GP_INS_PUT_KEY, ANY, 0x6982, "key check value wrong, or not allowed in this session"},
	{GP_INS_PUT_KEY, ANY, 0x6985, "a key with these numbers is there already"},
	{GP_INS_PUT_KEY, ANY, 0x6a80,
	 "wrong key data: type, length, encryption or check value"},
	{GP_INS_PUT_KEY, ANY, 0x6a84, "not enough memory for the key"},
	{GP_INS_PUT_KEY, ANY, 0x6a86, "wrong key version or identifier"},
	{GP_INS_PUT_KEY, ANY, 0x6a88, "the key that is to be replaced is not there"},
	{GP_INS_PUT_KEY, ANY, 0x9484, "the key's algorithm is not supported"},
	{GP_INS_PUT_KEY, ANY, 0x9485, "key check value wrong"},

	{GP_INS_STORE_DATA, ANY, 0x6985, "the application takes no data now"},
	{GP_INS_STORE_DATA, ANY, 0x6a80, "the application refuses the data"},
	{GP_INS_STORE_DATA, ANY, 0x6a84, "not enough memory for the data"},
	{GP_INS_STORE_DATA, ANY, 0x6a86, "wrong block number or coding of the data"},
	{GP_INS_STORE_DATA, ANY, 0x6a88, "no such data object"},
	{GP_INS_GET_DATA, ANY, 0x6a88, "the card has no such data"},
	{GP_INS_GET_DATA, ANY, 0x6a86, "the card does not know this tag"},

	{ANY, ANY, 0x9000, "ok"},
	{ANY, ANY, 0x6200, "warning: no information given"},
	{ANY, ANY, 0x6283, "locked or invalidated"},
	{ANY, ANY, 0x62f1, "the response was cut"},
	{ANY, ANY, 0x6300, "authentication failed"},
	{ANY, ANY, 0x6310, "more data"},
	{ANY, ANY, 0x6400, "no specific diagnosis"},
	{ANY, ANY, 0x6581, "memory failure"},
	{ANY, ANY, 0x6700, "wrong length"},
	{ANY, ANY, 0x6881, "logical channel not supported or not open"},
	{ANY, ANY, 0x6882, "secure messaging not supported"},
	{ANY, ANY, 0x6883, "last command of the chain expected"},
	{ANY, ANY, 0x6884, "command chaining not supported"},
	{ANY, ANY, 0x6982, "security status not satisfied"},
	{ANY, ANY, 0x6983, "authentication method blocked"},
	{ANY, ANY, 0x6985, "conditions of use not satisfied"},
	{ANY, ANY, 0x6986, "command not allowed"},
	{ANY, ANY, 0x6987, "secure messaging data missing"},
	{ANY, ANY, 0x6988, "secure messaging data wrong"},
	{ANY, ANY, 0x6999, "the application refuses to be selected"},
	{ANY, ANY, 0x6a80, "wrong data"},
	{ANY, ANY, 0x6a81, "function not supported, or card locked"},
	{ANY, ANY, 0x6a82, "application or file not found"},
	{ANY, ANY, 0x6a84, "not enough memory"},
	{ANY, ANY, 0x6a86, "wrong P1 P2"},
	{ANY, ANY, 0x6a88, "referenced data not found"},
	{ANY, ANY, 0x6b00, "wrong P1 P2"},
	{ANY, ANY, 0x6d00, "unknown instruction"},
	{ANY, ANY, 0x6e00, "unknown class"},
	{ANY, ANY, 0x6f00, "no precise diagnosis"},
	{ANY, ANY, 0x9484, "algorithm not supported"},
	{ANY, ANY, 0x9485, "wrong key check value"},
};

const char *gp_sw_words(uint8_t ins, uint8_t p1, uint16_t sw)
{
	if (ins == GP_INS_GET_DATA_ODD)
		ins = GP_INS_GET_DATA;
	for (size_t i = 0; i < sizeof(sws) / sizeof(sws[0]); i++)
		if (sws[i].sw == sw && (sws[i].ins == ANY || sws[i].ins == ins) &&
		    (sws[i].p1 == ANY || sws[i].p1 & p1))
			return sws[i].words;
	switch (sw >> 8) {
	case 0x61:
		return "more response bytes wait";
	case 0x6c:
		return "wrong Le";
	default:
		return "";
	}
}

const char *gp_capdu_sw_words(const uint8_t *cmd, size_t len, uint16_t sw)
{
	bool known = len >= 3 && (cmd[0] & 0x80 || cmd[1] == GP_INS_SELECT ||
				  cmd[1] == GP_INS_MANAGE_CHANNEL);

	return known ? gp_sw_words(cmd[1], cmd[2], sw) : gp_sw_words(ANY, ANY, sw);
}
