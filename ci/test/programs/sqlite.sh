#!/bin/bash
# A database in memory: inserts, an index, joins, updates, deletes, VACUUM, then a dump.
# Prints the figures asked for and a hash of the dump.
set -euo pipefail
on=$(dirname "$(realpath "$0")")/on.sh

{
    echo 'create table item(id integer primary key, name text, size int, note blob);'
    echo 'create table owner(item int, who text);'
    echo 'begin;'
    for ((i = 1, x = 42; i <= 20000; i++)); do
        x=$(((x * 1103515245 + 12345) % 2147483648))
        echo "insert into item values($i,'name-$((x % 5000))',$((x % 9973)),zeroblob($((x >> 16 & 511))));"
        echo "insert into owner values($((x % 20000)),'who-$((x >> 8 & 127))');"
    done
    echo 'commit;'
    echo 'create index by_name on item(name, size); create index by_item on owner(item);'
    echo 'select who, count(*), sum(size) from owner join item on item.id = owner.item'
    echo '    group by who order by 3 desc, 1 limit 20;'
    echo 'select name, group_concat(size) from item group by name order by 1 limit 500;'
    echo "update item set note = note || hex(name) where id % 3 = 0;"
    echo 'delete from item where id % 7 = 0;'
    echo 'vacuum; pragma integrity_check;'
    echo '.dump'
} | "$on" sqlite3 :memory: | sha256sum
