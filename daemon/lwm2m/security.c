// SPDX-License-Identifier: Apache-2.0
/* What an instance of object 0 says, read as far as no key is looked at. */
#include <string.h>

#include "lwm2m/security.h"

bool lwm2m_security_is_reference(const struct lwm2m_bytes *b)
{
	return (b->len >= 3 && memcmp(b->p, "se:", 3) == 0) ||
	       (b->len >= 7 && memcmp(b->p, "pkcs11:", 7) == 0);
}
