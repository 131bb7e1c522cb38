# queries.sql -> C: an enum of query names and a table of their texts, in the same order.
BEGIN { n = 0 }
function finish() {
    if (name != "") {
        names[n] = name
        texts[n] = text
        n++
    }
    text = ""
}
function quoted(s) {
    gsub(/\\/, "\\\\", s)
    gsub(/"/, "\\\"", s)
    return "\"" s "\""
}
/^-- name: / {
    finish()
    name = $3
    next
}
/^[ \t]*--/ { next }
{
    sub(/^[ \t]+/, "")
    sub(/[ \t]+$/, "")
    if ($0 != "") {
        text = text (text == "" ? "" : " ") $0
    }
}
END {
    finish()
    print "/* Made from fcgi/sql/queries.sql. */"
    print "enum sql_id {"
    for (i = 0; i < n; i++) {
        print "    Q_" names[i] ","
    }
    print "    Q__COUNT\n};"
    print "static const char *const sql_texts[Q__COUNT] = {"
    for (i = 0; i < n; i++) {
        print "    [Q_" names[i] "] = " quoted(texts[i]) ","
    }
    print "};"
}
