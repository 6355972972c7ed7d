/* preload_none.c: a library that is no allocator: the audit must refuse it. */
int preload_none_is_here(void);

int preload_none_is_here(void)
{
    return 1;
}
