/* option_pass: the default of passEnv, as JSON: what claude documents as a switch and not as a credential,
 * and what a program needs to know of the user's terminal and language. */
#ifndef CCVM_CONF_OPTION_PASS_H
#define CCVM_CONF_OPTION_PASS_H

#define OPTION_PASS_DEFAULT                                                                                  \
	"[\"ANTHROPIC_BASE_URL\", \"ANTHROPIC_MODEL\", \"ANTHROPIC_SMALL_FAST_MODEL\","                      \
	" \"ANTHROPIC_DEFAULT_HAIKU_MODEL\", \"ANTHROPIC_DEFAULT_OPUS_MODEL\", "                             \
	"\"ANTHROPIC_DEFAULT_SONNET_MODEL\","                                                                \
	" \"ANTHROPIC_SMALL_FAST_MODEL_AWS_REGION\", \"ANTHROPIC_BETAS\","                                   \
	" \"BASH_DEFAULT_TIMEOUT_MS\", \"BASH_MAX_OUTPUT_LENGTH\", \"BASH_MAX_TIMEOUT_MS\","                 \
	" \"CLAUDE_AUTOCOMPACT_PCT_OVERRIDE\", \"CLAUDE_BASH_MAINTAIN_PROJECT_WORKING_DIR\","                \
	" \"CLAUDE_CODE_ACCESSIBILITY\", \"CLAUDE_CODE_ADDITIONAL_DIRECTORIES_CLAUDE_MD\","                  \
	" \"CLAUDE_CODE_API_KEY_HELPER_TTL_MS\", \"CLAUDE_CODE_DISABLE_1M_CONTEXT\","                        \
	" \"CLAUDE_CODE_DISABLE_ADAPTIVE_THINKING\", \"CLAUDE_CODE_DISABLE_AUTO_MEMORY\","                   \
	" \"CLAUDE_CODE_DISABLE_BACKGROUND_TASKS\", \"CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS\","             \
	" \"CLAUDE_CODE_DISABLE_FAST_MODE\", \"CLAUDE_CODE_DISABLE_FEEDBACK_SURVEY\","                       \
	" \"CLAUDE_CODE_DISABLE_FILE_CHECKPOINTING\", \"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC\","         \
	" \"CLAUDE_CODE_DISABLE_TERMINAL_TITLE\", \"CLAUDE_CODE_EFFORT_LEVEL\","                             \
	" \"CLAUDE_CODE_ENABLE_PROMPT_SUGGESTION\", \"CLAUDE_CODE_ENABLE_TASKS\", "                          \
	"\"CLAUDE_CODE_ENABLE_TELEMETRY\","                                                                  \
	" \"CLAUDE_CODE_EXIT_AFTER_STOP_DELAY\", \"CLAUDE_CODE_EXPERIMENTAL_AGENT_TEAMS\","                  \
	" \"CLAUDE_CODE_FILE_READ_MAX_OUTPUT_TOKENS\", \"CLAUDE_CODE_HIDE_ACCOUNT_INFO\","                   \
	" \"CLAUDE_CODE_MAX_OUTPUT_TOKENS\", \"CLAUDE_CODE_MAX_RETRIES\", \"CLAUDE_CODE_SIMPLE\","           \
	" \"CLAUDE_CODE_SKIP_BEDROCK_AUTH\", \"CLAUDE_CODE_SKIP_FOUNDRY_AUTH\", "                            \
	"\"CLAUDE_CODE_SKIP_VERTEX_AUTH\","                                                                  \
	" \"CLAUDE_CODE_SUBAGENT_MODEL\", \"CLAUDE_CODE_USE_BEDROCK\", \"CLAUDE_CODE_USE_FOUNDRY\","         \
	" \"CLAUDE_CODE_USE_VERTEX\","                                                                       \
	" \"DISABLE_AUTOUPDATER\", \"DISABLE_AUTO_COMPACT\", \"DISABLE_BUG_COMMAND\", \"DISABLE_COMPACT\","  \
	" \"DISABLE_COST_WARNINGS\", \"DISABLE_ERROR_REPORTING\", \"DISABLE_FEEDBACK_COMMAND\","             \
	" \"DISABLE_INSTALLATION_CHECKS\", \"DISABLE_NON_ESSENTIAL_MODEL_CALLS\", "                          \
	"\"DISABLE_PROMPT_CACHING\","                                                                        \
	" \"DISABLE_PROMPT_CACHING_HAIKU\", \"DISABLE_PROMPT_CACHING_OPUS\", "                               \
	"\"DISABLE_PROMPT_CACHING_SONNET\","                                                                 \
	" \"DISABLE_TELEMETRY\", \"ENABLE_TOOL_SEARCH\", \"MAX_MCP_OUTPUT_TOKENS\", "                        \
	"\"MAX_THINKING_TOKENS\","                                                                           \
	" \"MCP_TIMEOUT\", \"MCP_TOOL_TIMEOUT\", \"SLASH_COMMAND_TOOL_CHAR_BUDGET\", "                       \
	"\"USE_BUILTIN_RIPGREP\","                                                                           \
	" \"COLORTERM\", \"LANG\", \"LC_*\", \"NO_COLOR\", \"TERM_PROGRAM\"]"

#endif
