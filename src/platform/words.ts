// The words that made-up rows are put together from: several scripts, and text that is awkward to carry.

export const FIRST_NAMES = [
  ...["Zoë", "Łukasz", "Renée", "Søren", "Ñandú", "Björk", "Chloé", "Oğuz", "Jiří", "Siân", "Ana", "Tom"],
  ...["美咲", "Αλέξης", "Мария", "مريم", "דוד", "अनिल", "지민", "Nguyễn", "O'Brien", "Ada", "Grace", "Linus"],
];

export const LAST_NAMES = [
  ...[
    "Müller",
    "Kowalska",
    "García Márquez",
    "Nørgaard",
    "Straße",
    "van der Berg",
    "Öztürk",
    "Novák",
    "Smith",
  ],
  ...["田中", "Παπαδόπουλος", "Иванова", "الزهراء", "כהן", "शर्मा", "김", "D’Souza", "Lovelace", "de la Cruz"],
];

/** Latin letters alone, for names of accounts and addresses. */
export const HANDLES = [
  ...["zoe", "lukasz", "renee", "soren", "nandu", "bjork", "chloe", "oguz", "jiri", "sian", "ana", "tom"],
  ...["misaki", "alexis", "maria", "maryam", "david", "anil", "jimin", "nguyen", "obrien", "ada", "grace"],
];

export const DOMAINS = ["example.com", "example.org", "mail.example.net", "bücher.example", "例え.example"];

export const TEAMS = [
  "Platform",
  "Søk",
  "Données",
  "Datos",
  "運用",
  "Безопасность",
  "Billing",
  "R&D",
  "Support",
];

export const TOPICS = [
  ...[
    "checkout",
    "billing",
    "search",
    "ingest",
    "mailer",
    "sessions",
    "edge",
    "inventory",
    "reports",
    "gateway",
  ],
  ...["scheduler", "exports", "webhooks", "thumbnails", "telemetry", "payments", "catalogue", "shipping"],
];

export const HOSTS = ["web-1", "web-2", "worker-7", "db-primary", "db-replica", "edge-fra", "edge-sin"];

/** Messages of log entries; `%` is the request's number. */
export const MESSAGES = [
  "request % completed",
  "request % took longer than its budget and was retried",
  "connection % accepted",
  "cache miss for key session:%",
  "user signed in from a new device (challenge %)",
  "payment % authorised by the provider",
  "payment % declined: insufficient funds",
  "message % delivered to the queue",
  "rate limit reached for client %",
  "Überprüfung % abgeschlossen — keine Fehler",
  "注文 % を受け付けました",
  "job % finished 🎉",
];

/** Text that COPY has to escape, or that looks like its own marks. */
export const AWKWARD = [
  "",
  " ",
  "\\N",
  "\\.",
  "NULL",
  "tab\there, and\ttwo",
  "Traceback:\n\tline one\n\tline two\n",
  "carriage\r\nreturn",
  "C:\\temp\\new\\%",
  "backslash at the end \\",
  "\u0001\b\f\v\u001f\u007f control",
  "'single' \"double\" `back` {braces} [brackets], comma; semicolon",
  "e\u0301 combining, \u202Eright to left\u202C, \u200Bzero width, 👩‍👩‍👧 joined",
  "$1 ${n} $$ %s %% :name ?",
];
