/* areas: base conf seed proto
 * What is a credential and what only looks like one: texts of settings, whole files, names,
 * values, file names. */
#include "seed/seed_credential.h"
#include "unit/unit.h"

#include "seed/seed_secret.h"

#define A20 "a1b2c3d4e5f6g7h8i9j0" /* as a token goes on */
#define H32 "0123456789abcdef0123456789abcdef"

struct judged {
	const char *text;
	bool secret;
};

/* Whole files. What is one here is one in a setting too. */
static const struct judged bytes[] = {
	{"npm_config_registry_url_and_more_of_it=1", false},
	{"npm_package_dependencies_something_long1", false},
	{"npm_a1b2c3d4e5f6g7h8i9j0a1b2c3d4e5f6g7h8", true},
	{".sk-circle-bounce-delay-2 { }", false},
	{"sk-button-primary-large-v2", false},
	{"sk-ssh-ed25519-cert-v01@openssh.com", false},
	{"sk-" A20, true},
	{"sk-ant-api03-abcdefghijklmnop", true},
	{"sk-proj-" A20, true},
	{"hf_transformers_model_v2_and_more", false},
	{"hf_abcdefghijklmnopqrstuvwxyzABCDEFGH", true},
	{"ASIA-Pacific-Southeast-1-and-more", false},
	{"ASIAPACIFICREGIONONE", false},
	{"AKIAIOSFODNN7EXAMPLE", false},
	{"AKIA0123456789ABCDEF", true},
	{"AKIA0123456789ABCDEF0", false},
	{"SG.Singapore-Central-Business-District-2024", false},
	{"SG.a1b2c3d4e5f6g7h8i9j0kl.a1b2c3d4e5f6g7h8i9j0a1b2c3d4e5f6g7h8i9j0abc", true},
	{"ghp_xxxxxxxxxxxxxxxxxxxx", false},
	{"ghp_" A20, true},
	{"\\nghp_" A20, true},
	{"xoxb-123456789012-123456789012-" A20, true},
	{"xoxb-not-a-real-token-this-will-not-work1", false},
	{"xapp-1-some-docs-about-socket-mode", false},
	{"sk_test_" A20, true},
	{"gsk_" A20, true},
	{"xai-" A20, true},
	{"pplx-" A20, true},
	{"r8_" A20, true},
	{"ntn_" A20, true},
	{"whsec_" A20, true},
	{"sbp_" H32, true},
	{"dapi" H32, true},
	{"PMAK-0123456789abcdef01234567-0123456789abcdef0123456789abcdef01", true},
	{"ATCTT" A20 A20, true},
	{"ATBB" A20, true},
	{"sq0atp-" A20, true},
	{"tvly-dev-" A20, true},
	{"glrt-" A20, true},
	{"gldt-" A20, true},
	{"pscale_pw_" A20, true},
	{"123456789:AAabcdefghijklmnopqrstuvwxyz0123456", true},
	{"12:34:AAabc", false},
	{"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIn0."
	 "SflKxwRJSMeKKF2QT4",
	 false},
	{"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJtZSIsIm4iOjF9.SflKxwRJSMeKKF2QT4", true},
	{"a token abcdefghij1234567890 is long", false},
	{"Basic authentication2023isold", false},
	{"Authorization: Basic dXNlcjpodW50ZXIyMg==", true},
	{"Authorization: Bearer $TOKEN", false},
	{"'Authorization': 'Bearer abcd1234efgh5678'", true},
	{"Authorization: Bearer your-token-here-1234567", false},
	{"redis://:hunter22@h:6379", true},
	{"Bearer abcd1234efgh5678abcd", true},
	{"look for `-----BEGIN RSA PRIVATE KEY-----` in files", false},
	{"-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----", false},
	{"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n", true},
	{"\"-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\\n", true},
	{"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: "
	 "4,ENCRYPTED\n\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n",
	 true},
	{"-----BEGIN CERTIFICATE-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n", false},
	{"LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQpNSUlFdlFJQkFEQU5CZw==", true},
	{"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUV2UUlCQURBTkJna3Foa2lH", false},
	{"https://hooks.slack.com/services/T01234567/B01234567/a1b2c3d4e5f6g7h8i9j0abcd", true},
	{"https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX", false},
	{"https://discord.com/api/webhooks/123456789012345678/abcdefghijklmnopqrstuvwxyz0123456789",
	 true},
	{"https://mcp.zapier.com/api/mcp/s/a1b2c3d4e5f6g7h8i9j0/mcp", true},
	{"aws_secret_access_key = abcdefgh0123456789abcdefgh0123456789abcd", true},
	{"aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", false},
	{"aws_secret_access_key = <your key>", false},
	{"postgres://u:hunter22@h/d", true},
	{"postgres://u:$PW@h/d", false},
	{"postgres://u:${PW}@h/d and postgres://postgres:postgres@localhost", false},
	{"https://user:password@example.com", false},
	{"https://<user>:<password>@example.com", false},
	{"new URL('https://abc:xyz@sub.example.com/')", false},
	{"f\"https://{user}:{pw}@{host}\"", false},
	{"see https://example.com:80/a@b", false},
};

/* Texts of settings. */
static const struct judged texts[] = {
	{"Bash(curl -H \"Authorization: Bearer $TOKEN\" h)", false},
	{"curl -H 'Authorization: Bearer abcd'", true},
	{"curl -H 'Authorization: abcd1234'", true},
	{"the header \"Authorization: Bearer\" is sent", false},
	{"\"Authorization: Bearer\" and then 'Authorization: abcd1234'", true},
	{"Authorization: Bearer YOUR_API_KEY", false},
	{"!git clone https://oauth2:$TOKEN@example.com/x", false},
	{"https://u:p@h", true},
	{"mysql -uroot -phunter22 db", true},
	{"mysql -u root -p db", false},
	{"mysql -p$PW db", false},
	{"sshpass -p hunter22 ssh h", true},
	{"Bash(mysql -p:*)", false},
	{"docker exec db mysql -phunter22", true},
	{"https://Jane.Doe1:$TOKEN@h", false},
	{"tool --no-password hunter22", false},
	{"sshpass -f file ssh h", false},
	{"echo x && docker login -u me -p hunter22 reg", true},
	{"docker run -p 8080:80 image", false},
	{"docker run -u 1000:1000 image", false},
	{"curl --user a:hunter22 h", true},
	{"curl --user a:$PW h", false},
	{"curl -uadmin:hunter22 h", true},
	{"http -a u:hunter22 h", true},
	{"aws configure set aws_secret_access_key hunter22", true},
	{"vault login hunter22", true},
	{"vault login -method=oidc", false},
	{"--key=abcd1234", true},
	{"X-Api-Key:abcd1234", true},
	{"my-secret: $X", false},
	{"export TOKEN=false", false},
	{"USE_TOKEN=true x", false},
	{"https://h/x?sig=a1b2c3d4e5", true},
	{"https://h/x?key=a1b2c3d4e5", true},
	{"https://h/x?config=eyJhIjoxfQ", true},
	{"https://h/x?key=$KEY&page=2", false},
	{"git log --author=me", false},
};

static const struct judged names[] = {
	{"TOKENS", true},
	{"SECRETS", true},
	{"PASSWORDS", true},
	{"APIKEYS", true},
	{"API_TOKEN_STAGING", true},
	{"OPENAI_KEY_PROD", true},
	{"GITHUB_PAT_TOKEN_2", true},
	{"CI_JOB_JWT_V2", true},
	{"DB_CREDS", true},
	{"X_USERPASS", true},
	{"CARD_PIN", true},
	{"pat2", true},
	{"apiKey", true},
	{"api-key", true},
	{"ACCESS_KEY", true},
	{"personalaccesstoken", true},
	{"MY_SECRET_ACME", true},
	{"extraHeader", true},
	{"SORT_KEY", false},
	{"PRIMARY_KEY", false},
	{"CACHE_KEY", false},
	{"LEADER_KEY", false},
	{"PUBLIC_KEY", false},
	{"key", false},
	{"PWD", false},
	{"OLDPWD", false},
	{"COMPAT", false},
	{"KEYTIMEOUT", false},
	{"TOKEN_URL", false},
	{"SECRET_FILE", false},
	{"PASSWORD_MIN_LENGTH", false},
	{"GIT_ASKPASS", false},
	{"SSH_AUTH_SOCK", false},
	{"tokenType", false},
	{"", false},
	{"_", false},
};

static const struct {
	const char *name;
	const char *value;
	bool secret;
} settings[] = {
	{"TOKENS", "31999", false},
	{"TOKENS", "a,b", true},
	{"SKIP_AUTH", "1", false},
	{"USE_TOKEN", "false", false},
	{"A_TOKEN", "", false},
	{"A_TOKEN", " $X ", false},
	{"A_TOKEN", "${X}", false},
	{"A_TOKEN", "<yours>", false},
	{"A_TOKEN", "$X$Y!", true},
	{"A_PIN", "4711", true},
	{"DB_PASSWORD", "123456", true},
	{"A_TOKEN", "123456", false},
	{"HTTPS_PROXY", "u:pw@h:1", true},
	{"HTTPS_PROXY", "h:3128", false},
	{"login", "me:pw", true},
	{"login", "me", false},
	{"A_TOKEN", "op://v/i", false},
	{"A_TOKEN", "x", true},
};

static const struct judged files[] = {
	{"id_rsa", true},	 {"id_ed25519", true},	{"id_rsa_howto.md", false},
	{"id_rsa.pub", false},	 {"keymap.key", false}, {"presentation.key", false},
	{"en.pem", false},	 {".env", true},	{".env.local", true},
	{".env.example", false}, {"x.p12", true},	{".npmrc", true},
	{"README.md", false},
};

static void check(const char *what, const char *text, bool got, bool want)
{
	if (got != want)
		fail_msg("%s \"%s\": %s", what, text, got ? "taken for a credential" : "crosses");
}

static void test_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bytes); i++) {
		AUTO_FREE char *inside = mem_format("some text\n%s\nmore text", bytes[i].text);

		check("bytes", bytes[i].text,
		      seed_credential_in_bytes(bytes[i].text, strlen(bytes[i].text)),
		      bytes[i].secret);
		check("bytes within", bytes[i].text,
		      seed_credential_in_bytes(inside, strlen(inside)), bytes[i].secret);
		if (bytes[i].secret)
			check("text", bytes[i].text, seed_credential_in_text(bytes[i].text), true);
	}
}

/* A text that ends anywhere is read no further. */
static void test_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bytes); i++)
		for (size_t n = 0; n < strlen(bytes[i].text); n++) {
			AUTO_FREE char *cut = mem_alloc(n + 1);

			memcpy(cut, bytes[i].text, n);
			cut = realloc(cut, n ? n : 1);
			seed_credential_in_bytes(cut, n);
		}
}

static void test_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		check("text", texts[i].text, seed_credential_in_text(texts[i].text),
		      texts[i].secret);
}

static void test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		check("name", names[i].text, seed_secret_key_name(names[i].text), names[i].secret);
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		check("file", files[i].text, seed_secret_file_name(files[i].text), files[i].secret);
}

static void test_settings(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		AUTO_FREE char *text = mem_format("%s=%s", settings[i].name, settings[i].value);

		check("setting", text,
		      seed_credential_in_setting(settings[i].name, settings[i].value),
		      settings[i].secret);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),	 cmocka_unit_test(test_cut),
		cmocka_unit_test(test_texts),	 cmocka_unit_test(test_names),
		cmocka_unit_test(test_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
