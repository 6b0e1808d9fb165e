// A real OpenID Connect provider for tests: node provider.mjs PORT REDIRECT_URI POST_LOGOUT_REDIRECT_URI
// Anybody signs in under any name with any password; PEOPLE says what is said of them.
import Provider from "oidc-provider";

const [port, redirectUri, leftUri] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;

const PEOPLE = {
  "manager": { name: "M. Anager", oid: "oid-manager", roles: ["Balancer.Manager.RVV"] },
  "reporter": { name: "R. Eporter", oid: "oid-reporter", roles: ["Balancer.Reporter"], employeeid: "R1" },
  "nobody": { name: "N. Obody", oid: "oid-nobody", roles: ["Something.Else"] },
  "clinician": {
    name: "C. Linician",
    nhsid_useruuid: "555000000001",
    selected_roleid: "2",
    nhsid_nrbac_roles: [
      { person_roleid: "1", org_code: "RWF", role_code: "S8000:G8000:R8000", activity_codes: ["B0001"] },
      { person_roleid: "2", org_code: "RVV01", role_code: "S8000:G8001:R8003", activity_codes: ["B0846"] },
    ],
  },
};

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "entra-shaped",
      client_secret: "a secret that only tests know",
      redirect_uris: [redirectUri],
      post_logout_redirect_uris: [leftUri],
      grant_types: ["authorization_code"],
      response_types: ["code"],
    },
    {
      client_id: "cis2-shaped",
      redirect_uris: [redirectUri],
      post_logout_redirect_uris: [leftUri],
      grant_types: ["authorization_code"],
      response_types: ["code"],
      token_endpoint_auth_method: "private_key_jwt",
      jwks: JSON.parse(process.env.CLIENT_JWKS),
    },
  ],
  claims: {
    openid: ["sub"],
    // Entra ID sends these in the ID token
    profile: ["name", "oid", "roles", "employeeid"],
    // NHS CIS2 sends these from its UserInfo endpoint
    nationalrbacaccess: ["nhsid_useruuid", "nhsid_nrbac_roles"],
    selectedrole: ["selected_roleid"],
  },
  conformIdTokenClaims: process.env.IN_ID_TOKEN !== "1",
  pkce: { required: () => true },
  cookies: { keys: ["only for tests"] },
  findAccount: (_context, id) => ({ accountId: id, claims: async () => ({ sub: id, ...PEOPLE[id] }) }),
});
provider.listen(Number(port), "127.0.0.1", () => console.log("listening"));
