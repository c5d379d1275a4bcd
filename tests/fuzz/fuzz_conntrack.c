/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of a conntrack dump with any content: nothing is read beyond a message, and what counts as an established
 * connection has all four of its names.
 */
#include <libmnl/libmnl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/older.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gl_flow flow;
	struct nlmsghdr head;
	void *copy;
	uint32_t len;
	int ret;

	while (size >= sizeof(head)) {
		memcpy(&head, data, sizeof(head));
		/* The kernel gives the length; what is behind a message is not its own. */
		len = head.nlmsg_len < sizeof(head) || head.nlmsg_len > size ? (uint32_t)size :
									       head.nlmsg_len;
		copy = malloc(len);
		memcpy(copy, data, len);
		((struct nlmsghdr *)copy)->nlmsg_len = len;
		memset(&flow, 0xff, sizeof(flow));
		ret = gl_conntrack_parse(copy, &flow);
		if (ret > 1 || (ret == 1 && flow.ifindex))
			abort();
		free(copy);
		len = MNL_ALIGN(len);
		data += len < size ? len : size;
		size -= len < size ? len : size;
	}
	return 0;
}
