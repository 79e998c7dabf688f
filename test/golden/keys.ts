// What opens the golden artifacts, and what they are signed with. Of these files alone: nothing else is behind these keys.
export const GOLDEN_PASSPHRASE = "correct horse battery staple";
export const GOLDEN_IDENTITY = "AGE-SECRET-KEY-1W4XPMFYP5AA5KSSTK3QF7P6NX94ZCJNYXJ30JFQM9NGH5M5RDSTSGAWYTG";
export const GOLDEN_RECIPIENT = "age1klksc6w8wwvz9u92087yf2kr7h5jznxmxr3tv4ln79jqcvm763lsc8zffw";
export const GOLDEN_SECRET = "the secret of the golden artifacts";
