#include "net/net_command.h"
#include "base/json.h"
#include "base/mem.h"

#include <string.h>

static bool command_entry(struct net_command *c, const struct json_line *l)
{
	const char *entry = json_get_string(l, "entry");

	if (!entry || strlen(entry) >= sizeof(c->entry))
		return false;
	strcpy(c->entry, entry);
	return true;
}

static bool command_stats(struct net_command *c, const struct json_line *l)
{
	(void)c;
	(void)l;
	return true;
}

static bool command_port(struct net_command *c, const struct json_line *l)
{
	int64_t port;

	if (!json_get_int(l, "port", &port) || port < 1 || port > 65535)
		return false;
	c->port = (uint16_t)port;
	return true;
}

static bool command_decide(struct net_command *c, const struct json_line *l)
{
	c->on = json_get_bool(l, "allow", false);
	c->once = json_get_bool(l, "once", false);
	return command_entry(c, l);
}

static bool command_watch(struct net_command *c, const struct json_line *l)
{
	c->on = json_get_bool(l, "on", false);
	return true;
}

static const struct {
	const char *name;
	enum net_command_kind kind;
	bool (*read)(struct net_command *c, const struct json_line *l);
} commands[] = {
    {"stats", NET_COMMAND_STATS, command_stats}, {"port", NET_COMMAND_PORT, command_port},
    {"rule", NET_COMMAND_RULE, command_entry},	 {"decide", NET_COMMAND_DECIDE, command_decide},
    {"watch", NET_COMMAND_WATCH, command_watch},
};

void net_command_parse(struct net_command *c, const char *line, size_t len)
{
	static struct json_line l;
	const char *name;

	memset(c, 0, sizeof(*c));
	if (json_parse_line(line, len, &l) < 0)
		return;
	name = json_get_string(&l, "type");
	for (size_t i = 0; name && i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, name) == 0 && commands[i].read(c, &l))
			c->kind = commands[i].kind;
}
