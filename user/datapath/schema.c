// SPDX-License-Identifier: Apache-2.0
/*
 * schema: may the maps of an earlier agent be taken over? Only if every map has the same type, sizes and flags, and the
 * structs in its keys and values have the same members at the same offsets. All of it goes into one hash, computed from
 * the object's own BTF, so that a layout that changed without GL_SCHEMA being raised is noticed.
 */
#include <stdio.h>
#include <string.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "datapath/private.h"
#include "graylink/limits.h"

/* Structs in structs in arrays: deeper than this would be a mistake. */
#define DEPTH_MAX 12

/* FNV-1a, 64 bit: for noticing changes, not for tables or shares. */
static uint64_t mix(uint64_t hash, const void *data, size_t len)
{
	const unsigned char *p = data;

	while (len--)
		hash = (hash ^ *p++) * 0x100000001b3ULL;
	return hash;
}

static uint64_t mix_u32(uint64_t hash, uint32_t value)
{
	return mix(hash, &value, sizeof(value));
}

static uint64_t mix_text(uint64_t hash, const char *text)
{
	return mix(hash, text ? text : "", text ? strlen(text) + 1 : 1);
}

static uint64_t mix_type(uint64_t hash, const struct btf *btf, uint32_t id, int depth);

static uint64_t mix_members(uint64_t hash, const struct btf *btf, const struct btf_type *type,
			    int depth)
{
	const struct btf_member *members = btf_members(type);
	uint32_t i;

	for (i = 0; i < btf_vlen(type); i++) {
		hash = mix_text(hash, btf__name_by_offset(btf, members[i].name_off));
		hash = mix_u32(hash, btf_member_bit_offset(type, i));
		hash = mix_type(hash, btf, members[i].type, depth);
	}
	return hash;
}

static uint64_t mix_type(uint64_t hash, const struct btf *btf, uint32_t id, int depth)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	/* Names of typedefs and qualifiers change nothing. */
	while (type && (btf_is_mod(type) || btf_is_typedef(type)))
		type = btf__type_by_id(btf, type->type);
	if (!type || depth > DEPTH_MAX)
		return mix_u32(hash, 0);
	hash = mix_u32(hash, btf_kind(type));
	switch (btf_kind(type)) {
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		hash = mix_u32(hash, type->size);
		return mix_members(hash, btf, type, depth + 1);
	case BTF_KIND_ARRAY:
		hash = mix_u32(hash, btf_array(type)->nelems);
		return mix_type(hash, btf, btf_array(type)->type, depth + 1);
	case BTF_KIND_INT:
	case BTF_KIND_ENUM:
		return mix_u32(hash, type->size);
	default:
		return hash;
	}
}

static uint64_t mix_map(uint64_t hash, const struct btf *btf, struct bpf_map *map)
{
	struct bpf_map *inner = bpf_map__inner_map(map);

	hash = mix_text(hash, bpf_map__name(map));
	hash = mix_u32(hash, bpf_map__type(map));
	hash = mix_u32(hash, bpf_map__key_size(map));
	hash = mix_u32(hash, bpf_map__value_size(map));
	hash = mix_u32(hash, bpf_map__max_entries(map));
	hash = mix_u32(hash, bpf_map__map_flags(map));
	hash = mix_type(hash, btf, bpf_map__btf_key_type_id(map), 0);
	hash = mix_type(hash, btf, bpf_map__btf_value_type_id(map), 0);
	return inner ? mix_map(hash, btf, inner) : hash;
}

void gl_schema_text(char *buf, size_t size, const struct bpf_object *obj)
{
	const struct btf *btf = bpf_object__btf(obj);
	uint64_t hash = 0xcbf29ce484222325ULL;
	struct bpf_map *map;

	bpf_object__for_each_map(map, obj) if (!bpf_map__is_internal(map))
		hash = mix_map(hash, btf, map);
	snprintf(buf, size, "%u-%016llx", GL_SCHEMA, (unsigned long long)hash);
}
