# floors.awk: the rules of floors.sh. Reads the names of all source files on stdin, then
# ci/floors.txt (while the variable `floors` is set), then the source files themselves.

function complain(where, what) {
    print where ": " what
    broken = 1
}

function folder(path) { return path ~ /\// ? substr(path, 1, index(path, "/") - 1) : "" }
function directory(path) { sub(/[^\/]*$/, "", path); return path }

# a/b/../c is a/c.
function simplify(path) {
    gsub(/\/\.\//, "/", path)
    while (sub(/[^\/]+\/\.\.\//, "", path))
        ;
    return path
}

# The file of the tree that NAME means in FROM, or "" where the tree has none. Beside the file
# first, as the compiler does; then by the end of its path, own folder before the others.
function resolve(name, from,    path, i, best) {
    path = simplify(directory(from) name)
    if (path in exists)
        return path
    path = "alloc/include/" name
    if (path in exists)
        return path
    for (i = 1; i <= nfiles; i++) {
        path = files[i]
        if (length(path) > length(name) &&
            substr(path, length(path) - length(name)) == "/" name) {
            if (folder(path) == folder(from))
                return path
            if (best == "")
                best = path
        }
    }
    return best
}

function inside_alloc(path) { return path ~ /^alloc\// && path !~ /^alloc\/(test|include)\// }

function check_include(from, line, target) {
    where = from ":" line
    if (folder(target) != folder(from)) {
        if (folder(from) == "alloc")
            complain(where, "alloc/ includes " target ", it may include alloc/ only")
        else if (target !~ /^alloc\/include\//)
            complain(where, folder(from) "/ includes " target \
                     ", of other folders it may include alloc/include/ only")
        return
    }
    if (!inside_alloc(from) || !(from in floor))
        return
    if (!(target in floor)) {
        if (target in exists && !inside_alloc(target))
            complain(where, "includes " target ", which is on no floor of ci/floors.txt")
        return
    }
    if (floor[target] > floor[from])
        complain(where, "points up: " from " is on floor " floor[from] ", " target \
                 " on floor " floor[target])
    else if (floor[target] == floor[from] && place[target] > place[from])
        complain(where, "points right on floor " floor[from] ": " target " stands after " from)
}

NR == FNR {
    files[++nfiles] = $0
    exists[$0] = 1
    next
}

floors != "" {
    sub(/#.*/, "")
    if (NF == 0)
        next
    if (NF != 2 || $2 !~ /^[0-9]+$/) {
        complain(floors ":" FNR, "is not `FILE FLOOR`")
        next
    }
    if ($1 in floor)
        complain(floors ":" FNR, $1 " stands here twice")
    if ($2 + 0 < last_floor)
        complain(floors ":" FNR, $1 " on floor " $2 " stands after floor " last_floor)
    if (!($1 in exists))
        complain(floors ":" FNR, $1 " does not exist")
    floor[$1] = last_floor = $2 + 0
    place[$1] = ++nplaces
    next
}

FNR == 1 { first = 1 }

/^[ \t]*#[ \t]*include[ \t]*["<]/ {
    quoted = $0 ~ /include[ \t]*"/
    name = $0
    sub(/^[^"<]*["<]/, "", name)
    sub(/[">].*/, "", name)
    target = resolve(name, FILENAME)
    if (first && FILENAME ~ /\.c$/) {
        own = FILENAME
        sub(/\.c$/, ".h", own)
        if (own in exists && target != own)
            complain(FILENAME ":" FNR, "includes " name " before its own " own)
    }
    first = 0
    if (!quoted && name !~ /^ashlar\//)
        next
    if (target == "")
        complain(FILENAME ":" FNR, "includes \"" name "\", which is nowhere in the tree")
    else
        check_include(FILENAME, FNR, target)
}

END {
    for (i = 1; i <= nfiles; i++)
        if (inside_alloc(files[i]) && !(files[i] in floor))
            complain(files[i] ":1", "is on no floor of ci/floors.txt")
    exit broken
}
