module skiff.dev/sync

go 1.21
