# A size one above a class gets that class.
# file: alloc/util/size_class.h
# product: ashlar-stress
# kill: $B/ashlar-stress boundary --seed 1
# says: ^FAIL: boundary: .* usable size
s/return size_class_table\[(size + 15) >> 4\];/return size_class_table[(size + 14) >> 4];/
