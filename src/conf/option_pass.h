/* option_pass: the default of passEnv, as JSON: what claude documents as a switch and not as a
 * credential, and what a program needs to know of the user's terminal and language. Each of
 * claude's names is in the pinned claude (2.1.330). Left out are names that stand for files or
 * ports of the host, proxies and telemetry's endpoints (their URLs often hold passwords), and
 * what only claude's own launchers set. */
#ifndef CCVM_CONF_OPTION_PASS_H
#define CCVM_CONF_OPTION_PASS_H

#define OPTION_PASS_DEFAULT                                                                        \
	"[\"ANTHROPIC_BASE_URL\", \"ANTHROPIC_BEDROCK_BASE_URL\", "                                \
	"\"ANTHROPIC_BEDROCK_MANTLE_BASE_URL\", "                                                  \
	"\"ANTHROPIC_BEDROCK_SERVICE_TIER\", \"ANTHROPIC_BETAS\", "                                \
	"\"ANTHROPIC_CUSTOM_MODEL_OPTION\", "                                                      \
	"\"ANTHROPIC_CUSTOM_MODEL_OPTION_DESCRIPTION\", \"ANTHROPIC_CUSTOM_MODEL_OPTION_NAME\", "  \
	"\"ANTHROPIC_CUSTOM_MODEL_OPTION_SUPPORTED_CAPABILITIES\", "                               \
	"\"ANTHROPIC_DEFAULT_HAIKU_MODEL\", "                                                      \
	"\"ANTHROPIC_DEFAULT_HAIKU_MODEL_DESCRIPTION\", \"ANTHROPIC_DEFAULT_HAIKU_MODEL_NAME\", "  \
	"\"ANTHROPIC_DEFAULT_HAIKU_MODEL_SUPPORTED_CAPABILITIES\", "                               \
	"\"ANTHROPIC_DEFAULT_OPUS_MODEL\", "                                                       \
	"\"ANTHROPIC_DEFAULT_OPUS_MODEL_DESCRIPTION\", \"ANTHROPIC_DEFAULT_OPUS_MODEL_NAME\", "    \
	"\"ANTHROPIC_DEFAULT_OPUS_MODEL_SUPPORTED_CAPABILITIES\", "                                \
	"\"ANTHROPIC_DEFAULT_SONNET_MODEL\", "                                                     \
	"\"ANTHROPIC_DEFAULT_SONNET_MODEL_DESCRIPTION\", "                                         \
	"\"ANTHROPIC_DEFAULT_SONNET_MODEL_NAME\", "                                                \
	"\"ANTHROPIC_DEFAULT_SONNET_MODEL_SUPPORTED_CAPABILITIES\", "                              \
	"\"ANTHROPIC_FOUNDRY_BASE_URL\", "                                                         \
	"\"ANTHROPIC_FOUNDRY_RESOURCE\", \"ANTHROPIC_MODEL\", \"ANTHROPIC_SMALL_FAST_MODEL\", "    \
	"\"ANTHROPIC_SMALL_FAST_MODEL_AWS_REGION\", \"ANTHROPIC_VERTEX_BASE_URL\", "               \
	"\"ANTHROPIC_VERTEX_PROJECT_ID\", \"API_TIMEOUT_MS\", \"AWS_REGION\", "                    \
	"\"BASH_DEFAULT_TIMEOUT_MS\", \"BASH_MAX_OUTPUT_LENGTH\", \"BASH_MAX_TIMEOUT_MS\", "       \
	"\"CLAUDE_ASYNC_AGENT_STALL_TIMEOUT_MS\", \"CLAUDE_AUTOCOMPACT_PCT_OVERRIDE\", "           \
	"\"CLAUDE_AUTO_BACKGROUND_TASKS\", \"CLAUDE_BASH_MAINTAIN_PROJECT_WORKING_DIR\", "         \
	"\"CLAUDE_CODE_ACCESSIBILITY\", \"CLAUDE_CODE_ADDITIONAL_DIRECTORIES_CLAUDE_MD\", "        \
	"\"CLAUDE_CODE_API_KEY_HELPER_TTL_MS\", \"CLAUDE_CODE_ATTRIBUTION_HEADER\", "              \
	"\"CLAUDE_CODE_AUTO_COMPACT_WINDOW\", \"CLAUDE_CODE_DEBUG_LOG_LEVEL\", "                   \
	"\"CLAUDE_CODE_DISABLE_1M_CONTEXT\", \"CLAUDE_CODE_DISABLE_ADAPTIVE_THINKING\", "          \
	"\"CLAUDE_CODE_DISABLE_ALTERNATE_SCREEN\", \"CLAUDE_CODE_DISABLE_ATTACHMENTS\", "          \
	"\"CLAUDE_CODE_DISABLE_AUTO_MEMORY\", \"CLAUDE_CODE_DISABLE_BACKGROUND_TASKS\", "          \
	"\"CLAUDE_CODE_DISABLE_CLAUDE_MDS\", \"CLAUDE_CODE_DISABLE_CRON\", "                       \
	"\"CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS\", \"CLAUDE_CODE_DISABLE_FAST_MODE\", "          \
	"\"CLAUDE_CODE_DISABLE_FEEDBACK_SURVEY\", \"CLAUDE_CODE_DISABLE_FILE_CHECKPOINTING\", "    \
	"\"CLAUDE_CODE_DISABLE_GIT_INSTRUCTIONS\", \"CLAUDE_CODE_DISABLE_LEGACY_MODEL_REMAP\", "   \
	"\"CLAUDE_CODE_DISABLE_MOUSE\", \"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC\", "            \
	"\"CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK\", "                                          \
	"\"CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL\", "                               \
	"\"CLAUDE_CODE_DISABLE_POLICY_SKILLS\", \"CLAUDE_CODE_DISABLE_TERMINAL_TITLE\", "          \
	"\"CLAUDE_CODE_DISABLE_THINKING\", \"CLAUDE_CODE_DISABLE_VIRTUAL_SCROLL\", "               \
	"\"CLAUDE_CODE_EFFORT_LEVEL\", \"CLAUDE_CODE_ENABLE_AWAY_SUMMARY\", "                      \
	"\"CLAUDE_CODE_ENABLE_FINE_GRAINED_TOOL_STREAMING\", "                                     \
	"\"CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY\", "                                         \
	"\"CLAUDE_CODE_ENABLE_PROMPT_SUGGESTION\", "                                               \
	"\"CLAUDE_CODE_ENABLE_TASKS\", \"CLAUDE_CODE_ENABLE_TELEMETRY\", "                         \
	"\"CLAUDE_CODE_EXIT_AFTER_STOP_DELAY\", \"CLAUDE_CODE_EXPERIMENTAL_AGENT_TEAMS\", "        \
	"\"CLAUDE_CODE_FILE_READ_MAX_OUTPUT_TOKENS\", \"CLAUDE_CODE_GLOB_HIDDEN\", "               \
	"\"CLAUDE_CODE_GLOB_NO_IGNORE\", \"CLAUDE_CODE_GLOB_TIMEOUT_SECONDS\", "                   \
	"\"CLAUDE_CODE_MAX_CONTEXT_TOKENS\", \"CLAUDE_CODE_MAX_OUTPUT_TOKENS\", "                  \
	"\"CLAUDE_CODE_MAX_RETRIES\", \"CLAUDE_CODE_MAX_TOOL_USE_CONCURRENCY\", "                  \
	"\"CLAUDE_CODE_MAX_TURNS\", \"CLAUDE_CODE_NEW_INIT\", \"CLAUDE_CODE_NO_FLICKER\", "        \
	"\"CLAUDE_CODE_PERFORCE_MODE\", \"CLAUDE_CODE_RESUME_INTERRUPTED_TURN\", "                 \
	"\"CLAUDE_CODE_SCROLL_SPEED\", \"CLAUDE_CODE_SIMPLE\", "                                   \
	"\"CLAUDE_CODE_SIMPLE_SYSTEM_PROMPT\", "                                                   \
	"\"CLAUDE_CODE_SKIP_ANTHROPIC_AWS_AUTH\", \"CLAUDE_CODE_SKIP_BEDROCK_AUTH\", "             \
	"\"CLAUDE_CODE_SKIP_FOUNDRY_AUTH\", \"CLAUDE_CODE_SKIP_MANTLE_AUTH\", "                    \
	"\"CLAUDE_CODE_SKIP_PROMPT_HISTORY\", \"CLAUDE_CODE_SKIP_VERTEX_AUTH\", "                  \
	"\"CLAUDE_CODE_SUBAGENT_MODEL\", \"CLAUDE_CODE_SUBPROCESS_ENV_SCRUB\", "                   \
	"\"CLAUDE_CODE_SYNTAX_HIGHLIGHT\", \"CLAUDE_CODE_TMUX_TRUECOLOR\", "                       \
	"\"CLAUDE_CODE_USE_ANTHROPIC_AWS\", \"CLAUDE_CODE_USE_BEDROCK\", "                         \
	"\"CLAUDE_CODE_USE_FOUNDRY\", "                                                            \
	"\"CLAUDE_CODE_USE_MANTLE\", \"CLAUDE_CODE_USE_VERTEX\", "                                 \
	"\"CLAUDE_ENABLE_BYTE_WATCHDOG\", "                                                        \
	"\"CLAUDE_ENABLE_STREAM_WATCHDOG\", \"CLAUDE_STREAM_IDLE_TIMEOUT_MS\", "                   \
	"\"CLOUD_ML_REGION\", "                                                                    \
	"\"DISABLE_AUTOUPDATER\", \"DISABLE_AUTO_COMPACT\", \"DISABLE_BUG_COMMAND\", "             \
	"\"DISABLE_COMPACT\", \"DISABLE_COST_WARNINGS\", \"DISABLE_DOCTOR_COMMAND\", "             \
	"\"DISABLE_ERROR_REPORTING\", \"DISABLE_EXTRA_USAGE_COMMAND\", "                           \
	"\"DISABLE_FEEDBACK_COMMAND\", "                                                           \
	"\"DISABLE_GROWTHBOOK\", \"DISABLE_INSTALLATION_CHECKS\", "                                \
	"\"DISABLE_INSTALL_GITHUB_APP_COMMAND\", \"DISABLE_INTERLEAVED_THINKING\", "               \
	"\"DISABLE_LOGIN_COMMAND\", \"DISABLE_LOGOUT_COMMAND\", \"DISABLE_PROMPT_CACHING\", "      \
	"\"DISABLE_PROMPT_CACHING_HAIKU\", \"DISABLE_PROMPT_CACHING_OPUS\", "                      \
	"\"DISABLE_PROMPT_CACHING_SONNET\", \"DISABLE_TELEMETRY\", \"DISABLE_UPDATES\", "          \
	"\"DISABLE_UPGRADE_COMMAND\", \"DO_NOT_TRACK\", \"ENABLE_CLAUDEAI_MCP_SERVERS\", "         \
	"\"ENABLE_PROMPT_CACHING_1H\", \"ENABLE_TOOL_SEARCH\", "                                   \
	"\"FALLBACK_FOR_ALL_PRIMARY_MODELS\", "                                                    \
	"\"FORCE_PROMPT_CACHING_5M\", \"MAX_MCP_OUTPUT_TOKENS\", "                                 \
	"\"MAX_STRUCTURED_OUTPUT_RETRIES\", "                                                      \
	"\"MAX_THINKING_TOKENS\", \"MCP_CONNECTION_NONBLOCKING\", \"MCP_CONNECT_TIMEOUT_MS\", "    \
	"\"MCP_REMOTE_SERVER_CONNECTION_BATCH_SIZE\", \"MCP_SERVER_CONNECTION_BATCH_SIZE\", "      \
	"\"MCP_TIMEOUT\", \"MCP_TOOL_TIMEOUT\", \"SLASH_COMMAND_TOOL_CHAR_BUDGET\", "              \
	"\"TASK_MAX_OUTPUT_LENGTH\", \"USE_BUILTIN_RIPGREP\", \"COLORTERM\", \"LANG\", \"LC_*\", " \
	"\"NO_COLOR\", \"TERM_PROGRAM\"]"

#endif
