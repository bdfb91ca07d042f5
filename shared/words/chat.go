package words

// What Deputy says in Chat. The names and descriptions of commands stand in
// Chat's console, in one language: they are in functions/chatevent.
var (
	Connect      = text("Connect", "连接")
	ConnectTitle = text("Connect your account", "连接您的账号")
	ConnectText  = text("Deputy does this as you, so it needs your consent once. Press Connect, choose your account, and come back here for Continue.",
		"Deputy 以您的身份完成这件事，因此需要您同意一次。请按“连接”，选择您的账号，然后回到这里按“继续”。")
	Continue = text("Continue", "继续")

	Connected      = text("You are connected", "您已连接")
	YourConnection = text("Your connection", "您的连接")
	Account        = text("Account", "账号")
	Allowed        = text("allowed", "已允许")
	Declined       = text("not allowed: you left that box unticked", "未允许：您没有勾选这一项")
	NotAsked       = text("asked when you first need it", "首次需要时再询问")
	AllowRest      = text("Allow the rest", "允许其余各项")
	AllowIt        = text("Allow it", "允许")
	Since          = text("Since", "连接时间")
	Until          = text("Until, as you told Google", "到期时间（您在 Google 所选）")
	// Moment is a layout of package time.
	Moment         = text("2 January 2006, 15:04 MST", "2006年1月2日 15:04 MST")
	HowToEnd       = text("Type /disconnect to end it at any time.", "随时可以输入 /disconnect 断开连接。")
	NotConnected   = text("You are not connected", "您尚未连接")
	NotConnectedIs = text("Deputy can do nothing as you. Press Connect, or just type a command such as /createspace Launch plan: it asks when it needs you.",
		"Deputy 现在不能以您的身份做任何事。请按“连接”，或直接输入命令，例如 /createspace 发布计划：需要您时它会询问。")
	Ended = text("Google has ended Deputy's access to your account, because it was withdrawn there, ran out, or Google found the account at risk: please connect again.",
		"Google 已终止 Deputy 对您账号的访问：可能是在 Google 处被撤销、已到期，或 Google 认为账号有风险。请重新连接。")
	SignIn = text("Your organization wants you to sign in to Google again before Deputy goes on.",
		"您的组织要求您重新登录 Google，之后 Deputy 才能继续。")

	LeaveTitle      = text("Disconnect?", "断开连接？")
	ReallyLeave     = text("This ends Deputy's access to your Google account everywhere: in Chat, for other systems that act as you, and on your own computer. What was made in your name stays.", "这会在所有地方终止 Deputy 对您 Google 账号的访问：Chat 中、以您身份操作的其他系统中，以及您自己的电脑上。以您的名义创建的内容会保留。")
	NothingUsable   = text("Deputy has no usable access to your account now. You can still have everything erased that is left of an earlier one.", "Deputy 目前没有可用的账号访问权限。您仍可清除以前连接遗留的全部内容。")
	Leave           = text("Disconnect", "断开连接")
	Left            = text("Disconnected", "已断开连接")
	WasNotConnected = text("You were not connected, so there was nothing to end.", "您没有连接，因此没有需要断开的内容。")
	Revoked         = text("Your consent is revoked at Google and erased here. The next command asks you again.", "您的授权已在 Google 撤销，并已在这里清除。下一个命令会再次询问您。")
	RevokeLater     = text("Your consent is erased here. Google could not be reached to revoke it there; to be sure, remove Deputy at myaccount.google.com/permissions.", "您的授权已在这里清除，但暂时无法联系 Google 进行撤销。为确保撤销，请在 myaccount.google.com/permissions 移除 Deputy。")
	Erased          = text("What was left of your consent is erased here. If Deputy still stands at myaccount.google.com/permissions, please remove it there.", "您授权的遗留内容已在这里清除。如果 myaccount.google.com/permissions 中仍有 Deputy，请在那里移除。")
	Rest            = text("What is left of it in Deputy's own memory cannot be used any more, and is erased within a day.", "Deputy 自身存储中的遗留内容已不能使用，并将在一天内清除。")
	Withdrawn       = counted("%d other system that you had allowed to act as you may not do so any more.", "%d other systems that you had allowed to act as you may not do so any more.", "您曾允许以您身份操作的 %d 个其他系统已不能再这样做。")

	SpaceCreated = text("Space created", "聊天室已创建")
	Open         = text("Open", "打开")
	Joined       = text("In the space", "已在聊天室中")
	Invited      = text("Invited", "已邀请")
	LeftOut      = text("Not added", "未添加")
	LeftOutWhy   = text("Google does not say why. Often the person is outside your organization, or one of you has blocked the other. You can invite them in the space itself.", "Google 没有说明原因。常见原因是对方不在您的组织中，或你们中有一方屏蔽了另一方。您可以在聊天室中直接邀请对方。")
	Unchecked    = text("Deputy could not look who got in. Please check the members in the space.", "Deputy 无法查看谁已加入。请在聊天室中查看成员。")
	NotAllowed   = text("Deputy may not look who got in: you left that box unticked. Please check the members in the space, or allow it.", "您没有勾选相应的选项，因此 Deputy 不能查看谁已加入。请在聊天室中查看成员，或允许 Deputy 查看。")
	NameMissing  = text("Please write the name of the space behind the command, for example: /createspace Launch plan", "请在命令后写上聊天室的名称，例如：/createspace 发布计划")

	InviteDone    = text("People added", "已添加成员")
	InviteWhom    = text("Please name the people behind the command, for example: /invite @Ada or /invite ada@example.com", "请在命令后写上要添加的人，例如：/invite @Ada 或 /invite ada@example.com")
	InviteWhere   = text("Here are only you and Deputy. Please type /invite in the space or group conversation that people shall be added to.", "这里只有您和 Deputy。请在要添加成员的聊天室或群聊中输入 /invite。")
	SayWhat       = text("Please write what to say behind the command, for example: /say The build is done", "请在命令后写上要说的话，例如：/say 构建已完成")
	SayWhere      = text("Here are only you and Deputy. Please type /say in the space where it shall be read.", "这里只有您和 Deputy。请在要发言的聊天室中输入 /say。")
	SayTooLong    = text("The message is too long for Chat. Please shorten it.", "消息太长，超过了 Chat 的限制。请缩短。")
	GroupWhom     = text("Please name at least two people behind the command, for example: /groupchat @Ada @Grace", "请在命令后至少写上两个人，例如：/groupchat @Ada @Grace")
	GroupMade     = text("Group conversation", "群聊")
	GroupFound    = text("You have this group conversation already.", "您已有这个群聊。")
	YourSpaces    = text("Your spaces", "您的聊天室")
	NoSpaces      = text("No space of yours has a name with these words.", "您没有名称中包含这些词的聊天室。")
	NoSpacesAtAll = text("You are in no named space yet. Type /createspace to make one.", "您还没有加入任何聊天室。输入 /createspace 创建一个。")
	More          = text("More", "更多")

	Failed         = text("That did not work", "未能完成")
	TryAgain       = text("Try again", "重试")
	ButtonDead     = text("This button does not work any more, or is not yours. Please type the command again.", "此按钮已失效，或不属于您。请重新输入命令。")
	UnknownCommand = text("Deputy does not know this command. Type /help to see those it knows.", "Deputy 不认识这个命令。输入 /help 查看可用的命令。")

	HelpTitle   = text("What Deputy can do", "Deputy 能做什么")
	Welcome     = text("Hello, I am Deputy", "您好，我是 Deputy")
	WelcomeText = text("I do things in Google Chat as you: you connect once, and the space I make is yours.", "我在 Google Chat 中以您的身份做事：您只需连接一次，我创建的聊天室就属于您。")

	CreateSpaces  = text("Create spaces", "创建聊天室")
	ReadSpaces    = text("See your spaces", "查看您的聊天室")
	ReadMembers   = text("See who is in your spaces", "查看您聊天室中的成员")
	ManageMembers = text("Add people to your spaces", "向您的聊天室添加成员")
	PostMessages  = text("Write messages as you", "以您的身份发送消息")

	HelpConnect     = text("Let Deputy act as you", "允许 Deputy 以您的身份操作")
	HelpDisconnect  = text("End Deputy's access to your account", "终止 Deputy 对您账号的访问")
	HelpStatus      = text("Show how you are connected", "查看您的连接情况")
	HelpHelp        = text("Show what Deputy can do", "查看 Deputy 能做什么")
	HelpInvite      = text("Add people to this space or group conversation as you", "以您的身份向此聊天室或群聊添加成员")
	HelpSpaces      = text("Find your spaces", "查找您的聊天室")
	HelpSay         = text("Write in this conversation as you", "以您的身份在此对话中发送消息")
	HelpGroupChat   = text("Begin a group conversation as you, or find the one there is", "以您的身份发起群聊，或找到已有的群聊")
	HelpCreateSpace = text("Create a space as you", "以您的身份创建聊天室")
)
