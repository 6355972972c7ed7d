#!/usr/bin/env bash
# sqlite3.sh: a database in memory: --ops rows are inserted, indexed, grouped, joined, changed, deleted.
# shellcheck source-path=SCRIPTDIR
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
name=sqlite3 package=sqlite3

generate() {
    awk -v rows="$ops" 'BEGIN {
        x = 4711
        print "CREATE TABLE item(id INTEGER PRIMARY KEY, tag TEXT, n INTEGER, body TEXT);"
        print "BEGIN;"
        for (i = 1; i <= rows; i++) {
            x = x * 48271 % 2147483647
            body = ""
            for (k = x % 12; k >= 0; k--)
                body = body sprintf("word%d ", (x + 31 * k) % 997)
            printf "INSERT INTO item VALUES(%d, \"tag%d\", %d, \"%s\");\n", i, x % 211, x % 100003, body
        }
        print "COMMIT; CREATE INDEX by_tag ON item(tag); CREATE INDEX by_n ON item(n);"
        print "SELECT tag, count(*), sum(n), max(length(body)) FROM item GROUP BY tag ORDER BY tag;"
        print "UPDATE item SET body = upper(body) || substr(body, 1, 5) WHERE n % 3 = 0;"
        print "SELECT count(*), sum(length(a.body || b.body)) FROM item a JOIN item b ON a.n = b.n + 7;"
        print "DELETE FROM item WHERE n % 5 = 1;"
        print "SELECT tag, length(group_concat(body, char(10))) FROM item GROUP BY tag ORDER BY 2, 1;"
        print "SELECT id, body FROM item ORDER BY body, id LIMIT 100;"
    }' >"$1/script.sql"
}

execute() {
    measured --stdin "$input/script.sql" "$program" -batch :memory:
}

drive "$@"
