// openid-client on a device without a keyboard: the person goes to the address that it shows.
import * as oidc from 'openid-client';
import { end, open, facts } from './facts.mjs';

const config = await oidc.discovery(new URL(facts.issuer), facts.client_id, {}, oidc.None(), {
  execute: [oidc.allowInsecureRequests],
});
const shown = await oidc.initiateDeviceAuthorization(config, { scope: 'openid email' });
await open(shown.verification_uri_complete);
const tokens = await oidc.pollDeviceAuthorizationGrant(config, { ...shown, interval: 0.2 });

end({ userinfo: await oidc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub) });
