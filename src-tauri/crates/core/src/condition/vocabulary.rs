//! The names that a condition may use.

/// What it may look at, with the fields these have. The fields of `args` are
/// the tool's.
pub(super) const FACTS: &[(&str, Option<&[&str]>)] = &[
    ("args", None),
    ("user", Some(&["name", "teams"])),
    ("agent", Some(&["name"])),
    ("connection", Some(&["name"])),
    ("tool", Some(&["id"])),
    ("now", Some(&[])),
];

/// Names of types, for `type(args.x) == string`.
pub(super) const TYPES: &[&str] =
    &["bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"];

/// `name(…)` and the number of arguments.
pub(super) const FUNCTIONS: &[(&str, usize)] = &[
    ("bool", 1),
    ("bytes", 1),
    ("double", 1),
    ("duration", 1),
    ("dyn", 1),
    ("int", 1),
    ("matches", 2),
    ("size", 1),
    ("string", 1),
    ("timestamp", 1),
    ("type", 1),
    ("uint", 1),
];

/// `value.name(…)` and the least and largest number of arguments.
pub(super) const MEMBERS: &[(&str, usize, usize)] = &[
    ("contains", 1, 1),
    ("endsWith", 1, 1),
    ("getDate", 0, 1),
    ("getDayOfMonth", 0, 1),
    ("getDayOfWeek", 0, 1),
    ("getDayOfYear", 0, 1),
    ("getFullYear", 0, 1),
    ("getHours", 0, 1),
    ("getMilliseconds", 0, 1),
    ("getMinutes", 0, 1),
    ("getMonth", 0, 1),
    ("getSeconds", 0, 1),
    ("matches", 1, 1),
    ("size", 0, 0),
    ("startsWith", 1, 1),
];

/// Macros, with how they are used: a call of one of these that was not
/// expanded has the wrong number of arguments.
pub(super) const MACROS: &[(&str, &str)] = &[
    ("all", "args.to.all(x, x != '')"),
    ("exists", "args.to.exists(x, x != '')"),
    ("exists_one", "args.to.exists_one(x, x != '')"),
    ("existsOne", "args.to.existsOne(x, x != '')"),
    ("filter", "args.to.filter(x, x != '')"),
    ("has", "has(args.to)"),
    ("map", "args.to.map(x, x.name)"),
];

/// Words that are no names in CEL.
pub(super) const RESERVED: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];
