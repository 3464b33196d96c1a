REVOKE UPDATE (note, at) ON checkpoint FROM mingjian_app;
DROP TRIGGER checkpoint_only_gains ON checkpoint;
DROP FUNCTION only_more_signatures();
