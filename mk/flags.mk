# Compiler flags. Everything a distribution sets (CFLAGS, LDFLAGS) is added, not replaced.
CC ?= gcc
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wswitch-enum -Wvla \
	-Wpointer-arith -Wundef -Wno-missing-field-initializers
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fcf-protection \
	-ftrivial-auto-var-init=zero
BASE_CFLAGS := -std=c11 -D_GNU_SOURCE -O2 -g $(WARN) -Isrc
SAN_CFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
