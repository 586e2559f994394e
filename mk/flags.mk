# Compiler flags. Everything a distribution sets (CFLAGS, LDFLAGS) is added, not replaced.
CC ?= gcc
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wswitch-enum -Wvla \
	-Wpointer-arith -Wundef -Wno-missing-field-initializers
HARDEN := -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -fcf-protection \
	-ftrivial-auto-var-init=zero
# The prefix map keeps the directory of the build out of the programs: two builds of one source give the same bytes.
BASE_CFLAGS := -std=c11 -D_GNU_SOURCE -O2 -g $(WARN) -Isrc -ffile-prefix-map=$(CURDIR)=.
SAN_CFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
