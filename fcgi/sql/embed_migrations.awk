# sql/<dialect>/*.sql -> C. driver.sql's named entries become strings <dialect>_<name>; NNNN_<file>.sql become the table
# of migrations, each a NULL-terminated list of statements (one ends where a line ends in a semicolon, not within $$ $$).
function quoted(s) {
    gsub(/\\/, "\\\\", s)
    gsub(/"/, "\\\"", s)
    return "\"" s "\""
}
function entry() {
    if (name != "") {
        print "static const char " dialect "_" name "[] = " quoted(text) ";"
    }
    name = ""
    text = ""
}
function statement() {
    if (text != "") {
        list[n] = list[n] "    " quoted(text) ",\n"
    }
    text = ""
}
BEGIN { print "/* Made from fcgi/sql/" dialect "/. */" }
FNR == 1 {
    entry()
    statement()
    base = FILENAME
    sub(/.*\//, "", base)
    sub(/\.sql$/, "", base)
    driver = base == "driver"
    if (!driver) {
        n++
        version[n] = substr(base, 1, 4) + 0
        file[n] = substr(base, 6)
        symbol[n] = base
        sub(/_.*/, "", file[n])
    }
}
driver && /^-- name: / {
    entry()
    name = $3
    next
}
/^[ \t]*--/ { next }
{
    sub(/^[ \t]+/, "")
    sub(/[ \t]+$/, "")
    if ($0 != "") {
        text = text (text == "" ? "" : " ") $0
        dollars += gsub(/[$][$]/, "&")
        if (!driver && /;$/ && dollars % 2 == 0) {
            statement()
        }
    }
}
END {
    if (driver) {
        entry()
    } else {
        statement()
    }
    for (i = 1; i <= n; i++) {
        print "static const char *const migration_" symbol[i] "[] = {\n" list[i] "    NULL,\n};"
    }
    print "static const struct migration " dialect "_migrations[] = {"
    for (i = 1; i <= n; i++) {
        print "    {\"" file[i] "\", " version[i] ", migration_" symbol[i] "},"
    }
    print "};"
}
